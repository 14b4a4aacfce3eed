import { expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { redisBench } from '../support/store-bench.js'
import { claim, StoreNode } from '../support/store-node.js'

leakGate()

test('admission is a hash table from the first hello on, so that a look costs the same whatever it holds', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const encoding = () => bench.redis.object('ENCODING', bench.keys.admission)
  await bench.redis.hset(bench.keys.admission, 'control', 'short')
  expect(await encoding()).toBe('listpack')
  await StoreNode.join(bench)
  expect(await encoding()).toBe('hashtable')
})

test('the mark that leases are in doubt is there while one is late or dead, and gone with the renewal after', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const marked = async () => (await bench.redis.hexists(bench.keys.admission, 'doubts')) === 1
  const [gone, node] = [await StoreNode.join(bench), await StoreNode.join(bench)]
  await gone.acquire(claim('a', 'acme', 1))
  await node.renew()
  expect(await marked()).toBe(false)
  await bench.pass(3_000)
  await node.renew()
  await bench.pass(3_000)
  await node.renew()
  expect([await marked(), (await bench.contents()).dead.size], 'S6: one is late').toEqual([true, 0])
  await gone.renew()
  expect(await marked()).toBe(false)
  await node.outlive()
  expect(await marked(), 'S6: one is dead').toBe(true)
  await node.sweepAll(gone.lease)
  await node.renew()
  expect(await marked(), 'every refusal would cost more from here on').toBe(false)
})
