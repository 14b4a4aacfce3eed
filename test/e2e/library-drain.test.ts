import { expect, onTestFinished, test, vi } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { attach, connect } from '../support/attached.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

async function holding() {
  const limiter = createLimiter()
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  const admission = await limiter.admit({ org: 'acme' })
  if (!admission.admitted) throw new Error(admission.code)
  return { limiter, release: admission.release, watch: admission.watch.bind(admission) }
}

test('L4: a drain without end waits for what is open, however long that takes', async () => {
  const [{ limiter, release }, control] = [await holding(), await holding()]
  const drained = limiter.drain({ withinMs: Number.POSITIVE_INFINITY })
  await control.limiter.drain({ withinMs: 50 })
  expect([limiter.phase, limiter.connections]).toEqual(['draining', 1])
  release()
  await drained
  expect(limiter).toMatchObject({ phase: 'stopped', connections: 0 })
})

test('R5: under `close` what a drain has left open carries no frame any more: others have its slot', async () => {
  const times = { leaseTtlMs: 4_000, renewIntervalMs: 200, storeTimeoutMs: 1_000 }
  const options = { redis: sharedRedisUrl(), keyPrefix: freshPrefix(), limits: { org: 1 }, ...times }
  const [limiter, other] = [1, 2].map(() => createLimiter({ ...options, policies: { onLeaseLost: 'close' } }))
  onTestFinished(() => other!.drain({ withinMs: 1_000 }))
  await Promise.all([limiter!.ready(), other!.ready()])
  const open = await limiter!.admit({ org: 'acme' })
  expect(open).toMatchObject({ admitted: true })
  await limiter!.drain({ withinMs: 50 })
  await until(async () => (await other!.admit({ org: 'acme' })).admitted, { what: 'another is let in' })
  expect(open.admitted && open.mayCarryFrames!()).toBe(false)
})

test('L4: a peer that throws as it is told to close costs the drain nothing, and is reported', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => said.mockRestore())
  const { limiter, watch, release } = await holding()
  const other = await limiter.admit({ org: 'acme' })
  if (!other.admitted) throw new Error(other.code)
  const broken = new Error('broken')
  const lose = () => {
    throw broken
  }
  watch({ isSilent: false, probe: async () => true, lose })
  const told = vi.fn(() => {
    release()
    other.release()
  })
  other.watch({ isSilent: false, probe: async () => true, lose: told })
  await limiter.drain()
  expect(told).toHaveBeenCalledExactlyOnceWith('DRAINING')
  expect(limiter).toMatchObject({ phase: 'stopped', connections: 0 })
  expect(said.mock.calls).toEqual([[expect.any(String), broken]])
})

test('L4: such a drain closes with a word, and cuts off only who does not answer it', async () => {
  const attached = await attach()
  const { ws } = await connect(attached)
  const code = new Promise((resolve) => ws.once('close', resolve))
  await attached.limiter.drain({ withinMs: Number.POSITIVE_INFINITY })
  expect(await code).toBe(1012)
  expect(attached.limiter).toMatchObject({ phase: 'stopped', connections: 0 })
})

test('L4: two drains at once, as of a signal and of an order, end as one, without a lease that is lost', async () => {
  const options = { redis: sharedRedisUrl(), keyPrefix: freshPrefix(), leaseTtlMs: 8_000, renewIntervalMs: 200 }
  const attached = await attach({ ...options, storeTimeoutMs: 2_000 })
  const told: [string, unknown][] = []
  for (const event of ['lease.lost', 'node.drained'] as const) {
    attached.limiter.on(event, (payload) => void told.push([event, payload]))
  }
  await connect(attached)
  await Promise.all([attached.limiter.drain(), attached.limiter.drain({ withinMs: 5_000 })])
  expect(told).toEqual([['node.drained', { left: 0 }]])
  expect(attached.limiter).toMatchObject({ phase: 'stopped', connections: 0 })
})

test('L4: a second drain that has less time cuts off sooner, and the first ends with it', async () => {
  const { limiter, release } = await holding()
  const first = limiter.drain({ withinMs: Number.POSITIVE_INFINITY })
  await limiter.drain({ withinMs: 50 })
  await first
  expect(limiter).toMatchObject({ phase: 'stopped', connections: 1 })
  release()
})

test.each([
  [{ withinMs: Number.NaN }, 'withinMs is a time from 0 ms, or Infinity, not NaN'],
  [{ withinMs: -1 }, 'withinMs is a time from 0 ms, or Infinity, not -1'],
  [{ withinMs: '25s' }, 'withinMs is a number, not "25s"'],
  [{ within: 5 }, 'within is not an option; did you mean withinMs?'],
])('a drain with %o is misuse, and stops nothing', async (options, message) => {
  const limiter = createLimiter()
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  await expect(limiter.drain(options as object)).rejects.toMatchObject({ code: 'INVALID_SETTINGS', message })
  expect((await limiter.admit({ org: 'acme' })).admitted).toBe(true)
})
