import { describe, expect, onTestFinished, test } from 'vitest'
import { newLease } from '../../src/core/ids.js'
import type { Policies } from '../../src/core/policies.js'
import { createLimiter } from '../../src/index.js'
import { encodeEntry } from '../../src/store/redis/codec.js'
import type { RedisKeys } from '../../src/store/redis/keys.js'
import { Books } from '../support/books.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, sharedRedisUrl, startRedis } from '../support/redis.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { claim, done, StoreNode } from '../support/store-node.js'
import { until } from '../support/until.js'

leakGate()

/** Nobody should; where somebody does, or a Redis evicts, it is a loss like that of all. */
describe('a key that all orgs share is taken away', () => {
  test.each<[string, (keys: RedisKeys) => string, Policies['onLeaseLost']]>([
    ['admission', ({ admission }) => admission, 'rejoin'],
    ['admission', ({ admission }) => admission, 'close'],
    ['meta', ({ meta }) => meta, 'rejoin'],
  ])('%s: nobody is closed, and what operators have set is in force again (R1)', async (_, keyOf, onLeaseLost) => {
    const prefix = freshPrefix()
    const books = new Books(sharedRedisUrl(), prefix)
    onTestFinished(() => books.close())
    const times = { leaseTtlMs: 4_000, renewIntervalMs: 200, storeTimeoutMs: 1_000 }
    const limiter = createLimiter({
      ...{ redis: sharedRedisUrl(), keyPrefix: prefix, limits: { org: 1 }, policies: { onLeaseLost }, ...times },
    })
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

test('without meta every node is told so, whoever spoke since, and no operator is told that what he said is in force', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const [node, other] = [await StoreNode.join(bench), await StoreNode.join(bench)]
  await node.override('acme', 3)
  await bench.redis.del(bench.keys.meta)
  const lost = { status: 'refused', reason: 'lost' }
  // With the next epoch the nodes write back what they know, whose version is above one that is counted from 0.
  expect(await node.connection.override(node.fence, 'acme', 5)).toEqual(lost)
  expect(await node.connection.renew(node.fence)).toEqual(lost)
  // It may be a while before that one says hello, or it dies before.
  expect(await other.connection.renew(other.fence)).toEqual(lost)
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

test('what nodes count and note is taken once, though one of the keys for it is of a foreign type', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const { redis, keys, store } = bench
  await redis.set(keys.journal.storms, 'foreign')
  const page = { entries: ['known'], storms: ['storm'], strangers: [], admitted: 2, refused: 3 }
  await store.journal.note(page)
  expect(await redis.xlen(keys.journal.entries)).toBe(1)
  expect(await store.journal.totals()).toEqual({ admitted: 2, refused: 3 })
  await redis.set(keys.journal.entries, 'foreign')
  await redis.set(keys.totals, 'foreign')
  await expect(store.journal.note(page)).rejects.toThrow('WRONGTYPE')
})

/** What doctor says that an operator should do. */
describe('a slot that nobody sweeps', () => {
  test.each<[string, (bench: RedisBench, lease: number) => Promise<unknown>]>([
    [
      'whose lease is in no list comes free by SADD to `dead`',
      ({ redis, keys }, lease) => redis.sadd(keys.dead, lease),
    ],
    [
      'whose lease may act and never expires comes free by ZADD NX with 0 to `leases`',
      async ({ redis, keys }, lease) => {
        await redis.hset(keys.admission, lease, '1:e')
        await redis.zadd(keys.leases, 'NX', 0, lease)
      },
    ],
  ])('%s', async (_, mend) => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const node = await StoreNode.join(bench)
    const [lease, ghost, asked] = [newLease(), claim('ghost', 'acme', 1), claim('a', 'acme', 1)]
    await bench.redis.hset(bench.keys.conns(lease), ghost.id, encodeEntry(ghost))
    await bench.redis.zadd(bench.keys.scope(ghost.scopes[0]), lease, ghost.id)
    await node.renew()
    expect(await node.acquire(asked)).toMatchObject([{ admitted: false, reason: 'full', count: 1 }])
    await mend(bench, lease)
    expect(await node.renew()).toMatchObject({ dead: [lease] })
    await node.sweepAll(lease)
    expect(await node.acquire(asked)).toMatchObject([{ admitted: true, count: 1 }])
    expect((await bench.contents()).dead.size).toBe(0)
  })
})
