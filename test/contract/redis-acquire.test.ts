import { expect, onTestFinished, test } from 'vitest'
import type { Verdict } from '../../src/store/lease-store.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis } from '../support/redis.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { claim, liveOn, StoreNode } from '../support/store-node.js'

leakGate()

async function own(): Promise<RedisBench> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const bench = await redisBench({ url: redis.url })
  onTestFinished(() => bench.close())
  return bench
}

/** How often the script is called by this work. */
async function callsOf({ redis }: RedisBench, work: () => Promise<unknown>): Promise<number> {
  const count = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1])
  const before = await count()
  await work()
  return (await count()) - before
}

test('acquire is asked in whole until a renewal has said that all is usual, and one call either way', async () => {
  const bench = await own()
  const [gone, node] = [await StoreNode.join(bench), await StoreNode.join(bench)]
  const asking = (id: string) => callsOf(bench, () => node.acquire(claim(id, 'acme', 9)))
  expect(await asking('a')).toBe(1)
  await node.renew()
  expect([await asking('b'), await callsOf(bench, () => node.acquireAgain(claim('b', 'acme', 9)))]).toEqual([1, 1])
  await gone.acquire(claim('x', 'acme', 9))
  await node.outlive()
  expect(await asking('c')).toBe(1)
  await node.sweepAll(gone.lease)
  await node.renew()
  expect(await asking('d')).toBe(1)
})

test('acquire is two calls where a doubt arises between two renewals, and one from then on', async () => {
  const bench = await own()
  const [gone, node, other] = [await StoreNode.join(bench), await StoreNode.join(bench), await StoreNode.join(bench)]
  const asking = (id: string) => callsOf(bench, () => node.acquire(claim(id, 'acme', 9)))
  await gone.acquire(claim('x', 'acme', 9))
  await liveOn(bench, bench.timing.renewIntervalMs, gone, node, other)
  expect([await asking('a'), await asking('again')]).toEqual([1, 1])
  await liveOn(bench, bench.timing.lateAfterMs, other)
  expect([await asking('b'), await asking('c')]).toEqual([2, 1])
  await node.renew()
  expect(await asking('d')).toBe(1)
})

test('acquire that has to be asked in whole is answered what it would have been at once', async () => {
  const bench = await own()
  const [gone, node, other] = [await StoreNode.join(bench), await StoreNode.join(bench), await StoreNode.join(bench)]
  const verdicts: Verdict[] = []
  const scope = { name: 'gateway', id: 'acme/eu', limit: 1 }
  await node.override('raised', 2)
  await gone.acquire(claim('x', 'acme', 1), claim('v', 'raised', 1))
  await node.acquire(claim('y', 'full', 1))
  await liveOn(bench, bench.timing.ttlMs, node, other)
  await node.sweepAll(gone.lease)
  await node.renew()
  // From here on nothing is in doubt that this node has heard of.
  await node.acquire(claim('w', 'other', 9))
  const late = await StoreNode.join(bench)
  await late.acquire(claim('z', 'acme', 1))
  await late.leave()
  const asked = [
    claim('a', 'acme', 1, scope),
    claim('b', 'full', 1),
    claim('c', 'acme', 1, scope),
    claim('d', 'raised', 1),
  ]
  expect(await callsOf(bench, async () => verdicts.push(...(await node.acquire(...asked))))).toBe(2)
  expect(verdicts).toMatchObject([
    { admitted: true, count: 1 },
    { admitted: false, reason: 'full', count: 1 },
    { admitted: false, reason: 'full', count: 1 },
    { admitted: true, count: 1, limit: 2 },
  ])
})

test('acquire of a node that is fenced, or whose store is lost, says which', async () => {
  const bench = await own()
  const [gone, node] = [await StoreNode.join(bench), await StoreNode.join(bench)]
  for (const each of [gone, node]) {
    await each.renew()
    await each.acquire(claim(`${each.lease}`, 'other', 9))
  }
  await node.outlive()
  const asked = [claim('z', 'acme', 9)]
  expect(await gone.connection.acquire(gone.fence, asked)).toEqual({ status: 'refused', reason: 'fenced' })
  await node.sweepAll(gone.lease)
  await node.renew()
  await node.acquire(claim('y', 'acme', 9))
  await bench.wipe()
  expect(await node.connection.acquire(node.fence, asked)).toEqual({ status: 'refused', reason: 'lost' })
})
