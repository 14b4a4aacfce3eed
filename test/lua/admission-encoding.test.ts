import { expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { redisBench } from '../support/store-bench.js'
import { StoreNode } from '../support/store-node.js'

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
