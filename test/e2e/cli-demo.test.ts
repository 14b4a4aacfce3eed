import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { spawnOwned } from '../support/owned-process.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { until } from '../support/until.js'
import { buildCommand } from './cli-build.js'

leakGate()

interface Orgs {
  readonly orgs: readonly { readonly orgId: string; readonly currentCount: number; readonly maxAllowed: number }[]
}

test('demo: three nodes, gateways that come and are refused, no org above its limit, and nothing left at the end', async () => {
  const command = await buildCommand()
  const directory = mkdtempSync(join(tmpdir(), `${freshPrefix().replace(/\W/g, '')}-`))
  const env = { PATH: process.env.PATH, TMPDIR: directory }
  const demo = await spawnOwned(process.execPath, [command, 'demo', '--redis', sharedRedisUrl(), '--kill-every', '0'], {
    env,
  })
  const found = (pattern: RegExp) => pattern.exec(demo.output())?.[1] ?? ''
  await until(() => /refused .*ORG_CONNECTION_LIMIT_EXCEEDED [1-9]/.test(demo.output()), { withinMs: 60_000 }).catch(
    (cause: unknown) => {
      throw new Error(`nobody was refused; the demo says:\n${demo.output()}`, { cause })
    },
  )
  const [adminUrl, token] = [found(/dashboard +(http:\S+)\//), found(/token +(\S+)/)]

  const ask = async <T>(path: string): Promise<T> => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${adminUrl}/admin/v1${path}`, { headers, signal: AbortSignal.timeout(5_000) })
    return (await response.json()) as T
  }
  expect((await ask<{ nodes: unknown[] }>('/nodes')).nodes).toHaveLength(3)
  const noisy = async () => (await ask<Orgs>('/orgs')).orgs.find(({ orgId }) => orgId === 'noisy-neighbour')
  await until(async () => (await noisy())?.currentCount === 3, { withinMs: 20_000 })
  for (const { orgId, currentCount, maxAllowed } of (await ask<Orgs>('/orgs')).orgs) {
    expect(currentCount, orgId).toBeLessThanOrEqual(maxAllowed)
  }

  demo.signal('SIGINT')
  expect(await demo.exited).toEqual({ code: 0, signal: null })
  expect(demo.output()).toContain('every org is within its limit')
  expect(demo.output()).not.toContain('OVER')
  expect(readdirSync(directory)).toEqual([])
  await expect(fetch(`${adminUrl}/livez`)).rejects.toThrow()
}, 120_000)
