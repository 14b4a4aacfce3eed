import { describe, expect, onTestFinished, test } from 'vitest'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { leakGate } from '../support/leak-gate.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { claims, recovered, StoreNode } from '../support/store-node.js'

leakGate()

async function opened(options?: Parameters<typeof redisBench>[0]): Promise<RedisBench> {
  const bench = await redisBench(options)
  onTestFinished(() => bench.close())
  return bench
}

/** The twin cannot hold these: its leases are numbers. */
const FOREIGN = ['', 'foreign', '-1', '0x10', 'nan', 'inf', '1e3', '1.5', ' 7', '9'.repeat(16), '9'.repeat(20)]

describe('a member among the leases that is none', () => {
  test.each(FOREIGN)('hides none of the others from operators (S5): %j', async (foreign) => {
    const bench = await opened()
    const node = await StoreNode.join(bench)
    await node.acquire(...claims(2, 'c', 'acme', 9))
    // One stands before the others and one behind them.
    await bench.redis.zadd(bench.keys.leases, 0, foreign, 1e15, `${foreign}~`)
    expect(await bench.store.inspector.nodes()).toMatchObject([{ lease: node.lease, connections: 2 }])
    expect((await bench.store.inspector.holders('acme', 9)).map(({ id }) => id).sort()).toEqual(['c-0', 'c-1'])
    expect(await bench.store.inspector.orgOf('c-0')).toBe('acme')
  })

  test.each(FOREIGN)('late or expired, costs nobody a renewal or an admission (S5): %j', async (foreign) => {
    const bench = await opened()
    const node = await StoreNode.join(bench)
    await node.acquire(...claims(40, 'c', 'acme', 40))
    await node.connection.order(node.fence, { kind: 'evict', org: 'acme', limit: 40, ids: ['c-0'] })
    const { ttlMs, lateAfterMs } = bench.timing
    for (const expiresInMs of [ttlMs - lateAfterMs - 1, 0]) {
      await bench.redis.zadd(bench.keys.leases, (await bench.contents()).clockMs + expiresInMs, foreign)
      expect(await node.renew()).toMatchObject({ dead: [] })
      expect(await node.acquire(...claims(1, 'd', 'acme', 40))).toMatchObject([{ admitted: false, count: 40 }])
      expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 40 }])
    }
    expect(await bench.redis.zscore(bench.keys.leases, foreign)).toBeNull()
  })

  test.each(FOREIGN)('among the dead, costs nobody a renewal or an admission (S5): %j', async (foreign) => {
    const bench = await opened()
    const node = await StoreNode.join(bench)
    await node.acquire(...claims(40, 'c', 'acme', 40))
    await bench.redis.sadd(bench.keys.dead, foreign)
    expect(await node.renew()).toMatchObject({ dead: [] })
    expect(await node.acquire(...claims(1, 'd', 'acme', 40))).toMatchObject([{ admitted: false, count: 40 }])
    expect(await bench.redis.exists(bench.keys.dead)).toBe(0)
  })

  test('does not keep a store that recovers from recovering, nor a new node out (R1)', async () => {
    const bench = await opened({ recovery: true })
    await StoreNode.join(bench)
    await bench.redis.zadd(bench.keys.leases, 1e15, 'foreign')
    await bench.becomeAnother()
    const node = await StoreNode.join(bench)
    await bench.redis.zadd(bench.keys.leases, 1e15, 'foreign')
    await recovered(bench, node)
    expect(await node.admitted(...claims(1, 'c', 'acme', 1))).toBe(1)
    expect([...(await bench.contents()).dead].filter(Number.isNaN)).toEqual([])
  })
})

test('leases as of now: what Redis itself has counted since the last renewal is off, and never less than nothing', async () => {
  const bench = await opened({ realTime: true })
  const { store, redis, keys, timing } = bench
  await StoreNode.join(bench)
  const [seconds] = await redis.time()
  const left = async (asOfNow: boolean) => (await store.inspector.nodes({ asOfNow }))[0]!.expiresInMs
  await redis.hset(keys.meta, 'time', (Number(seconds) - 100) * 1_000)
  expect(await left(false)).toBe(timing.ttlMs)
  expect(timing.ttlMs - (await left(true))).toBeGreaterThanOrEqual(100_000)
  await redis.hset(keys.meta, 'time', (Number(seconds) + 100) * 1_000)
  expect(await left(true)).toBe(timing.ttlMs)
  await redis.hdel(keys.meta, 'time')
  expect(await left(true)).toBe(timing.ttlMs)
})

describe('what is answered and cannot be read is told as no answer', () => {
  test.each(["'text'", "{'x'}", '{{}, {}, {}}'])('%s', async (reply) => {
    const { store } = await opened({ script: `if ARGV[1] == 'inspect' then return ${reply} end\n${SCRIPT}` })
    await expect(store.inspector.nodes()).rejects.toThrow(StoreUnavailable)
    await expect(store.inspector.holders('acme', 9)).rejects.toThrow(StoreUnavailable)
    await expect(store.inspector.countOrgs(['acme'])).rejects.toThrow(StoreUnavailable)
  })
})
