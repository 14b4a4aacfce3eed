import { describe, expect, onTestFinished, test } from 'vitest'
import { createLimiter } from '../../src/index.js'
import type { RedisKeys } from '../../src/store/redis/keys.js'
import { Books } from '../support/books.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, sharedRedisUrl, startRedis } from '../support/redis.js'
import { redisBench } from '../support/store-bench.js'
import { done, StoreNode } from '../support/store-node.js'
import { until } from '../support/until.js'

leakGate()

/** Nobody should; where somebody does, or a Redis evicts, it is a loss like that of all. */
describe('a key that all orgs share is taken away', () => {
  test.each<[string, (keys: RedisKeys) => string]>([
    ['admission', ({ admission }) => admission],
    ['meta', ({ meta }) => meta],
  ])('%s: nobody is closed, and what operators have set is in force again (R1)', async (_, keyOf) => {
    const prefix = freshPrefix()
    const books = new Books(sharedRedisUrl(), prefix)
    onTestFinished(() => books.close())
    const times = { leaseTtlMs: 4_000, renewIntervalMs: 200, storeTimeoutMs: 1_000 }
    const limiter = createLimiter({ redis: sharedRedisUrl(), keyPrefix: prefix, limits: { org: 1 }, ...times })
    onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
    await limiter.ready()
    await limiter.setLimit('acme', 3)
    const admit = () => limiter.admit({ org: 'acme' })
    const open = [await admit(), await admit()].flatMap((one) => (one.admitted ? [one] : []))
    expect(open).toHaveLength(2)
    let recovered = false
    limiter.on('lease.taken', ({ recoveryMs }) => {
      recovered ||= recoveryMs > 0
    })

    await books.redis.del(keyOf(books.keys))
    await until(() => recovered, { what: 'a recovery' })
    const third = await until(async () => {
      const answer = await admit()
      return (answer.admitted || answer.code === 'ORG_CONNECTION_LIMIT_EXCEEDED') && answer
    })
    expect(third).toMatchObject({ admitted: true, currentCount: 3, maxAllowed: 3 })
    expect(await admit()).toMatchObject({ code: 'ORG_CONNECTION_LIMIT_EXCEEDED', maxAllowed: 3 })
    expect(open.map(({ lost }) => lost.aborted)).toEqual([false, false])
  })
})

test('a policy that an operator changes is told with the next audit, though the node never connects anew', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const bench = await redisBench({ url: redis.url, realTime: true })
  onTestFinished(() => bench.close())
  const node = await StoreNode.join(bench)
  const policy = async () => done(await node.connection.audit(node.fence, '0', [])).evictionPolicy
  expect(await policy()).toBe('noeviction')
  await bench.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  expect(await policy()).toBe('allkeys-lru')
})
