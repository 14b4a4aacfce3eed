import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { createLimiter } from '../../src/index.js'
import { RedisQuestions } from '../../src/store/redis/questions.js'
import { theWayTo } from '../../src/store/redis/ways.js'
import { startFakeSentinel } from '../support/fake-sentinel.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { redisBench } from '../support/store-bench.js'
import { claims, StoreNode } from '../support/store-node.js'
import { until } from '../support/until.js'

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

function askedBy(url: string) {
  const clock = new ManualClock()
  const { dialer } = theWayTo(url, systemClock)
  const questions = new RedisQuestions(async (withinMs, over) => (await dialer.dial(withinMs, over)).redis, clock)
  onTestFinished(() => questions.close())
  return { clock, questions, askedOver: () => questions.ask((redis) => redis.client('ID')) }
}

/** Firewalls and balancers forget a connection that is idle for minutes, and tell neither side. */
test('R2: a question trusts no connection that has been idle for long, and the one it leaves is closed', async () => {
  const { clock, questions, askedOver } = askedBy(sharedRedisUrl())
  const first = await askedOver()
  for (let i = 0; i < 3; i++) {
    // So often a node looks after orgs that hold too much.
    clock.advance(34_000)
    expect(await askedOver()).toBe(first)
  }
  clock.advance(46_000)
  expect(await askedOver()).not.toBe(first)
  const open = () => questions.ask((redis) => redis.client('LIST', 'ID', first))
  await until(async () => !String(await open()).includes(`id=${first} `), { what: 'the idle connection is closed' })
})

/** docs/redis.md: sentinels that are down change nothing while the primary answers. */
test('R2: where no other connection can be had, a question goes over the idle one', async () => {
  const sentinel = await startFakeSentinel({ port: Number(new URL(sharedRedisUrl()).port || 6379) })
  onTestFinished(() => sentinel.stop())
  const { clock, questions, askedOver } = askedBy(`redis+sentinel://127.0.0.1:${sentinel.port}/m`)
  const first = await askedOver()
  sentinel.primary = undefined
  for (let i = 0; i < 2; i++) {
    clock.advance(46_000)
    expect(await Promise.all([askedOver(), askedOver()])).toEqual([first, first])
  }
  questions.moveOn()
  await expect(askedOver()).rejects.toThrow('no sentinel names a primary')
  sentinel.primary = { port: Number(new URL(sharedRedisUrl()).port || 6379) }
  const open = () => questions.ask((redis) => redis.client('LIST', 'ID', first))
  await until(async () => !String(await open()).includes(`id=${first} `), { what: 'the idle connection is closed' })
})

/** As where packets to new connections are dropped on the way: nobody refuses, and the attempt ends by its time alone. */
test('R2: it does so in time for an answer also where nobody says that no other can be had', async () => {
  const clock = new ManualClock()
  const { dialer } = theWayTo(sharedRedisUrl(), systemClock)
  let isSilent = false
  const questions = new RedisQuestions(async (withinMs, over) => {
    if (!isSilent) return (await dialer.dial(withinMs, over)).redis
    return new Promise((_, reject) => clock.after(withinMs, () => reject(new Error('no connection'))))
  }, clock)
  onTestFinished(() => questions.close())
  const askedOver = () => questions.ask((redis) => redis.client('ID'))
  const first = await askedOver()
  isSilent = true
  clock.advance(46_000)
  const asked = askedOver()
  clock.advance(1_500)
  expect(await asked).toBe(first)
})
