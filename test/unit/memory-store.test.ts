import { expect, test } from 'vitest'
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

test('a holder whose details are gone is shown with what is known of it', async () => {
  const bench = memoryBench()
  const node = await StoreNode.join(bench)
  await node.acquire(claim('a', 'acme', 1))
  bench.store.tables.removeIndex(node.lease, 'a')
  expect(await bench.store.holders('acme', 9)).toEqual([{ id: 'a', lease: node.lease, scopes: [], details: '' }])
})
