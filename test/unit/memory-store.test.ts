import { expect, test } from 'vitest'
import { REMEMBERED } from '../../src/store/orders.js'
import { memoryBench } from '../support/store-bench.js'
import { claim, done, StoreNode } from '../support/store-node.js'

test('a connection that is cut answers nothing more, and says why it was cut first', async () => {
  const bench = memoryBench()
  const node = await StoreNode.join(bench)
  const { connection, fence } = node
  connection.destroy('the first reason')
  connection.destroy('another')
  expect(await connection.closed).toBe('the first reason')
  expect(await connection.acquire(fence, [claim('a', 'acme', 1)])).toEqual({
    ...{ status: 'unanswered', cause: 'the first reason' },
  })
  expect((await bench.contents()).scopes.size).toBe(0)
  done(await node.hello())
  expect(await node.admitted(claim('a', 'acme', 1))).toBe(1)
})

test('says that it ends with its process', () => {
  expect(memoryBench().store.embedded).toBe(true)
})

test('tells leases as of now to who asks for that, and else as of the last renewal', async () => {
  const bench = memoryBench()
  await StoreNode.join(bench)
  const left = async (asOfNow?: boolean) =>
    (await bench.store.inspector.nodes({ ...(asOfNow && { asOfNow }) }))[0]!.expiresInMs
  await bench.pass(100_000)
  expect([await left(), await left(true)]).toEqual([bench.timing.ttlMs, bench.timing.ttlMs - 100_000])
  await bench.pass(-200_000)
  expect(await left(true)).toBe(bench.timing.ttlMs)
})

test('a holder whose details are gone is shown with what is known of it', async () => {
  const bench = memoryBench()
  const node = await StoreNode.join(bench)
  await node.acquire(claim('a', 'acme', 1))
  bench.store.tables.removeIndex(node.lease, 'a')
  expect(await bench.store.inspector.holders('acme', 9)).toEqual([
    { id: 'a', lease: node.lease, scopes: [], details: '' },
  ])
})

test('whose slots were taken over is remembered of the last ones, as many as Redis would', async () => {
  const bench = memoryBench()
  const node = await StoreNode.join(bench)
  const { taken } = bench.store.tables
  const most = REMEMBERED.connections
  const { clockMs } = bench.store.tables
  for (let n = 0; n < most; n++) taken.set(`c-${n}`, clockMs - 1)
  taken.set('newest', clockMs)
  await node.renew()
  expect(taken.size).toBe(most)
  expect([taken.has('c-0'), taken.has('c-1'), taken.has('newest')]).toEqual([false, true, true])
})

test('who is taken over or evicted once more is remembered from then on', async () => {
  const bench = memoryBench()
  const node = await StoreNode.join(bench)
  const { evicted } = bench.store.tables
  await node.acquire(claim('a', 'acme', 2), claim('b', 'acme', 2))
  await node.order('evict', 'acme', ['a', 'b'])
  await bench.pass(3_000)
  await node.renew()
  await node.order('evict', 'acme', ['a'])
  expect([...evicted.keys()]).toEqual(['b', 'a'])
})

test('of more probes than a renewal tells, the first by name are told first, as Redis does', async () => {
  const bench = memoryBench()
  const node = await StoreNode.join(bench)
  const { probes } = bench.store.tables
  for (let n = 65; n > 0; n--) probes.set(`${node.lease}:org:o-${100 + n}`, node.lease)
  expect((await node.renew()).probes.map(({ id }) => id)).toEqual(Array.from({ length: 64 }, (_, n) => `o-${101 + n}`))
  expect((await node.renew()).probes).toEqual([{ name: 'org', id: 'o-165' }])
})
