import { describe, expect, onTestFinished, test } from 'vitest'
import { createLimiter, type Limiter, StoreUnavailable } from '../../src/index.js'
import { leakGate } from '../support/leak-gate.js'
import { freePort } from '../support/ports.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

const C_MS = 250
/** What a busy machine may be late. */
const LATE_MS = 1_000

async function ownRedis(): Promise<TestRedis> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  return redis
}

function limiterOn(redis: string): Limiter {
  const limiter = createLimiter({ redis, leaseTtlMs: 2_000, renewIntervalMs: 200, storeTimeoutMs: C_MS })
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  return limiter
}

async function timed<T>(question: () => Promise<T>): Promise<{ value: T; tookMs: number }> {
  const startMs = performance.now()
  return { value: await question(), tookMs: performance.now() - startMs }
}

test('ready does not wait for ever on a limiter that is drained before Redis was there', async () => {
  const limiter = limiterOn(`redis://127.0.0.1:${await freePort()}`)
  const ready = limiter.ready()
  await limiter.drain({ withinMs: 100 })
  await ready
  expect(limiter.phase).toBe('stopped')
})

describe('R2: Redis goes away', () => {
  test.each(['killed', 'frozen'])(
    '%s: admissions are refused within the deadline and come back by themselves',
    async (how) => {
      const redis = await ownRedis()
      const limiter = limiterOn(redis.url)
      const events: string[] = []
      limiter.on('store.left', () => events.push('left'))
      limiter.on('store.joined', () => events.push('joined'))
      await limiter.ready()
      const kept = await limiter.admit({ org: 'acme', limit: 2 })
      await (how === 'killed' ? redis.kill() : redis.pause())
      for (let n = 0; n < 5; n++) {
        const asked = Array.from({ length: 20 }, () => timed(() => limiter.admit({ org: 'acme' })))
        for (const { value, tookMs } of await Promise.all(asked)) {
          expect(value).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE', retryAfterMs: expect.any(Number) })
          expect(tookMs).toBeLessThan(C_MS + LATE_MS)
        }
      }
      await expect(limiter.orgStats('acme')).rejects.toThrow(StoreUnavailable)
      await expect(limiter.canAccept('acme')).rejects.toThrow(StoreUnavailable)
      await expect(limiter.setLimit('acme', 5)).rejects.toThrow(StoreUnavailable)
      await until(() => !limiter.storeReachable)
      expect(kept.admitted && kept.lost.aborted).toBe(false)
      await (how === 'killed' ? redis.restart() : redis.resume())
      // A store that came back empty first hears of the connection that was kept.
      const next = await until(async () => {
        const admission = await limiter.admit({ org: 'acme', limit: 2 })
        return admission.admitted && admission
      })
      expect(next).toMatchObject({ currentCount: 2, maxAllowed: 2 })
      expect(await limiter.admit({ org: 'acme', limit: 2 })).toMatchObject({ admitted: false, currentCount: 2 })
      expect(events.slice(0, 2)).toEqual(['joined', 'left'])
      expect(events.at(-1)).toBe('joined')
      for (const one of [kept, next]) if (one.admitted) one.release()
      await until(async () => (await limiter.orgStats('acme')).currentCount === 0)
    },
  )

  test('a drain without Redis keeps its time', async () => {
    const redis = await ownRedis()
    const limiter = limiterOn(redis.url)
    await limiter.ready()
    const one = await limiter.admit({ org: 'acme' })
    await redis.pause()
    if (one.admitted) one.lost.addEventListener('abort', () => one.release())
    const { tookMs } = await timed(() => limiter.drain({ withinMs: 600 }))
    expect(tookMs).toBeLessThan(600 + 3 * C_MS + LATE_MS)
    expect(limiter.phase).toBe('stopped')
  })
})

describe('Redis is not there at the start', () => {
  test('nobody is admitted, nothing throws, and the limiter comes up when Redis does', async () => {
    const port = await freePort()
    const limiter = limiterOn(`redis://127.0.0.1:${port}`)
    let ready = false
    const whenReady = limiter.ready().then(() => {
      ready = true
    })
    const causes: string[] = []
    limiter.on('store.left', ({ cause }) => causes.push(cause))
    await until(() => causes.length >= 5)
    expect(causes.at(-1)).toContain('ECONNREFUSED')
    const { value, tookMs } = await timed(() => limiter.admit({ org: 'acme' }))
    expect(value).toMatchObject({ admitted: false, code: 'STARTING', retryAfterMs: expect.any(Number) })
    expect(tookMs).toBeLessThan(LATE_MS)
    await expect(limiter.orgStats('acme')).rejects.toThrow(StoreUnavailable)
    expect({ ready, phase: limiter.phase }).toEqual({ ready: false, phase: 'starting' })
    const redis = await startRedis({ port })
    onTestFinished(() => redis.stop())
    await whenReady
    const admission = await limiter.admit({ org: 'acme' })
    expect(admission).toMatchObject({ admitted: true, currentCount: 1 })
    if (admission.admitted) admission.release()
    await until(async () => (await limiter.orgStats('acme')).currentCount === 0)
  })

  test('a limiter that never came up can be drained, and then asks nobody any more', async () => {
    const limiter = createLimiter({ redis: `redis://127.0.0.1:${await freePort()}` })
    await until(() => limiter.phase === 'starting')
    await limiter.drain({ withinMs: 1_000 })
    expect(limiter.phase).toBe('stopped')
    expect(await limiter.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'DRAINING' })
    await expect(limiter.orgStats('acme')).rejects.toThrow(StoreUnavailable)
  })

  test('asked after a drain, the store that is there is left alone', async () => {
    const redis = await ownRedis()
    const limiter = limiterOn(redis.url)
    await limiter.ready()
    expect(await limiter.orgStats('acme')).toMatchObject({ currentCount: 0 })
    await limiter.drain({ withinMs: 1_000 })
    // Long enough for the old connection to be gone, when a new one could be opened.
    for (let n = 0; n < 20; n++) {
      await expect(limiter.orgStats('acme')).rejects.toThrow('the store is closed')
      await new Promise(setImmediate)
    }
  })
})
