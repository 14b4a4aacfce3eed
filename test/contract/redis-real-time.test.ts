import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { redisContents } from '../support/store-contents.js'
import { claim, done, StoreNode } from '../support/store-node.js'
import { until } from '../support/until.js'

leakGate()

/** Short enough to wait for, and a call may still take half a second on a busy machine. */
const TIMING = leaseTiming({ ttlMs: 3_000, renewIntervalMs: 300, callTimeoutMs: 1_500 })

async function own(args: readonly string[] = []): Promise<{ redis: TestRedis; bench: RedisBench }> {
  const redis = await startRedis({ args })
  onTestFinished(() => redis.stop())
  const bench = await redisBench({ url: redis.url, timing: TIMING, realTime: true, recovery: true })
  bench.redis.on('error', () => {})
  onTestFinished(async () => {
    await bench.store.close()
    bench.redis.disconnect()
  })
  return { redis, bench }
}

/** Renews as a node does until `reached`; returns the milliseconds that took. */
async function renewUntil(node: StoreNode, reached: (reply: Awaited<ReturnType<StoreNode['renew']>>) => boolean) {
  const began = performance.now()
  await until(async () => reached(await node.renew()), { withinMs: 15_000 })
  return performance.now() - began
}

async function ready(bench: RedisBench): Promise<StoreNode> {
  const node = await StoreNode.join(bench)
  await renewUntil(node, ({ recoveryMs }) => recoveryMs === 0)
  return node
}

describe('a store with the time of its Redis', () => {
  test('lets a lease die after its term, and its slots are free then and not before (L2)', async () => {
    const { bench } = await own()
    const node = await ready(bench)
    const gone = await StoreNode.join(bench)
    await gone.acquire(claim('a', 'acme', 1))
    const tookMs = await renewUntil(node, ({ dead }) => dead.includes(gone.lease))
    expect(tookMs).toBeGreaterThan(TIMING.ttlMs - TIMING.clockStepCapMs)
    expect(await node.admitted(claim('b', 'acme', 1))).toBe(1)
  })

  test('frozen for longer than a term costs nobody the lease (R3)', async () => {
    const { redis, bench } = await own()
    const nodes = [await ready(bench), await StoreNode.join(bench)]
    const before = (await bench.contents()).clockMs
    await redis.pause()
    await until(async () => (await nodes[0]!.connection.renew(nodes[0]!.fence)).status === 'unanswered')
    const frozen = performance.now()
    await until(() => performance.now() - frozen > TIMING.ttlMs, { withinMs: 2 * TIMING.ttlMs })
    await redis.resume()
    for (const node of nodes) await until(async () => (await node.hello()).status === 'ok')
    expect((await bench.contents()).clockMs - before).toBeLessThan(TIMING.ttlMs)
    expect(await nodes[0]!.renew()).toMatchObject({ dead: [], liveNodes: 2 })
  })

  test('flushed is lost, begins a new epoch, waits, and has what was reasserted (R1)', async () => {
    const { bench } = await own()
    const node = await ready(bench)
    await node.acquire(claim('a', 'acme', 1))
    await bench.redis.flushall()
    expect(await node.connection.renew(node.fence)).toEqual({ status: 'refused', reason: 'lost' })
    const again = await StoreNode.join(bench, { reasserting: true })
    expect(again.fence.epoch).not.toBe(node.fence.epoch)
    expect(await again.reassert('keep', true, claim('a', 'acme', 1))).toEqual(['kept'])
    const tookMs = await renewUntil(again, ({ recoveryMs }) => recoveryMs === 0)
    expect(tookMs).toBeGreaterThan(TIMING.recoveryMs / 2)
    expect(await again.acquire(claim('b', 'acme', 1))).toMatchObject([{ admitted: false, count: 1 }])
  })

  test.each([
    ['empty', []],
    ['with all its data', ['--appendonly', 'yes', '--appendfsync', 'always']],
  ])('restarted %s is another store (R1)', async (_, args) => {
    const { redis, bench } = await own(args)
    const node = await ready(bench)
    await node.acquire(claim('a', 'acme', 1))
    await redis.restart()
    await node.connection.closed
    expect(await node.hello()).toEqual({ status: 'refused', reason: 'lost' })
    const { scopes, live, dead } = await bench.contents()
    expect([scopes.size, live.size, dead.size]).toEqual(args.length > 0 ? [1, 0, 1] : [0, 0, 0])
    const again = await StoreNode.join(bench, { reasserting: true })
    expect(await again.reassert('keep', true, claim('a', 'acme', 1))).toEqual(['kept'])
    await renewUntil(again, ({ recoveryMs }) => recoveryMs === 0)
    expect(await again.acquire(claim('b', 'acme', 1))).toMatchObject([{ admitted: false, count: 1 }])
  })

  test('that has the memory of another, as a promoted replica or a moved snapshot, is another store (R1)', async () => {
    const [primary, copy] = [await own(), await own()]
    const node = await ready(primary.bench)
    await node.acquire(claim('a', 'acme', 1))
    for (const key of await primary.bench.redis.keys('*')) {
      await copy.bench.redis.restore(key, 0, (await primary.bench.redis.dumpBuffer(key))!)
    }
    const { prefix: keyPrefix, timing } = primary.bench
    const promoted = new RedisStore({ url: copy.redis.url, timing, clock: systemClock, keyPrefix })
    onTestFinished(() => promoted.close())
    const connection = done(await promoted.connect())
    const { lease, ...known } = node.fence
    const request = {
      lease,
      generation: 9,
      known,
      proposedEpoch: 'next',
      proposedSecret: 's',
      reasserting: true,
      nodeInfo: '{}',
    }
    expect(await connection.hello(request)).toEqual({ status: 'refused', reason: 'lost' })
    expect(await connection.acquire(node.fence, [claim('b', 'acme', 1)])).toMatchObject({ reason: 'lost' })
    const { live, dead, scopes } = await redisContents(copy.bench.redis, primary.bench.keys, keyPrefix)
    expect([live.size, [...dead], scopes.size]).toEqual([0, [node.lease], 1])
  })
})
