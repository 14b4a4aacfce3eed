import { expect, onTestFinished, test } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { redisBench } from '../support/store-bench.js'
import { claims, StoreNode } from '../support/store-node.js'

leakGate()

test('a question that is asked while the node joins is answered, although the node moves on to another connection', async () => {
  const limiter = createLimiter({ redis: sharedRedisUrl(), keyPrefix: freshPrefix() })
  onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
  expect(await limiter.orgStats('acme')).toMatchObject({ currentCount: 0 })
})

test('of nodes whose connections are not asked for, none are told', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const node = await StoreNode.join(bench)
  await node.acquire(...claims(2, 'c', 'acme', 9))
  const [counted] = await bench.store.inspector.nodes()
  expect(counted).toMatchObject({ lease: node.lease, connections: 2 })
  expect(await bench.store.inspector.nodes({ uncounted: true })).toEqual([{ ...counted, connections: 0 }])
})

test('who connects again while a question is open takes no answer from it, and leaves no connection behind', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  await bench.store.inspector.countOrgs(['acme'])
  for (let round = 0; round < 5; round++) {
    const asked = [bench.store.inspector.countOrgs(['acme']), bench.store.inspector.nodes()]
    const connected = await bench.store.connect()
    await Promise.all(asked)
    if (connected.status === 'ok') connected.value.destroy('over')
  }
})
