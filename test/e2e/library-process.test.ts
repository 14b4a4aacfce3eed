import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { spawnOwned } from '../support/owned-process.js'
import { until } from '../support/until.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NOBODY = 'redis://127.0.0.1:1'

/** Runs a program of its own, which has nothing but the limiter to live for. */
const program = (text: string) =>
  spawnOwned(process.execPath, ['--input-type=module', '-e', `import { createLimiter } from 'headcount'\n${text}`], {
    cwd: ROOT,
  })

describe('the process of a program', () => {
  test('lives on while it waits for a store that is not there, and hears why', async () => {
    const waiting = await program(`
      const limiter = createLimiter({ redis: '${NOBODY}', renewIntervalMs: 100, leaseTtlMs: 3_000 })
      let left = 0
      limiter.on('store.left', ({ cause }) => console.log(++left, cause))
      await limiter.ready()
    `)
    await until(() => waiting.output().includes('\n3 '))
    expect(waiting.running()).toBe(true)
    expect(waiting.output()).toContain('ECONNREFUSED')
    await waiting.kill()
  })

  test('lives on until a stop that waits for a connection is over, and not longer (L4)', async () => {
    const stopping = await program(`
      const limiter = createLimiter()
      await limiter.admit({ org: 'acme' })
      await limiter.drain({ withinMs: 300 })
      console.log(limiter.phase)
    `)
    expect(await stopping.exited).toEqual({ code: 0, signal: null })
    expect(stopping.output()).toBe('stopped\n')
  })

  test('lives on until a decision that waits for a peer which never answers', async () => {
    const waiting = await program(`
      const limiter = createLimiter({ limits: { org: 1 }, probeTimeoutMs: 100 })
      const held = await limiter.admit({ org: 'acme' })
      held.watch({ isSilent: true, probe: () => new Promise(() => {}) })
      const { code } = await limiter.admit({ org: 'acme' })
      console.log(code)
    `)
    expect(await waiting.exited).toEqual({ code: 0, signal: null })
    expect(waiting.output()).toBe('ORG_CONNECTION_LIMIT_EXCEEDED\n')
  })

  test('is not kept alive by a limiter that nobody waits for', async () => {
    const done = await program(`
      const limiter = createLimiter()
      const { currentCount } = await limiter.admit({ org: 'acme' })
      console.log(currentCount)
    `)
    expect(await done.exited).toEqual({ code: 0, signal: null })
    expect(done.output()).toBe('1\n')
  })
})
