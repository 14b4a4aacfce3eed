import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, startRedis, type TestRedis } from '../support/redis.js'
import { startProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

leakGate()

async function server(): Promise<{ port: number; redis: TestRedis; says: (...words: string[]) => Promise<unknown> }> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const operator = new Redis(redis.url)
  onTestFinished(() => operator.disconnect())
  return { port: redis.port, redis, says: (command, ...args) => operator.call(command!, ...args) }
}

/** How a hosted Redis fails over: its name leads to another server, and the old one lives on as a replica of that. */
test('R2: after a failover behind one address, questions leave the old primary as admissions do', async () => {
  const [one, two] = [await server(), await server()]
  await two.says('REPLICAOF', '127.0.0.1', `${one.port}`)
  await until(async () => String(await two.says('INFO', 'replication')).includes('master_link_status:up'))
  const name = await startProxy(one.port)
  onTestFinished(() => name.stop())
  const limiter = createLimiter({
    ...{ redis: name.url, keyPrefix: freshPrefix(), leaseTtlMs: 4_000, renewIntervalMs: 200 },
  })
  onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
  await limiter.ready()
  const note = () => limiter.journal.note({ entries: ['seen'], storms: [], strangers: [], admitted: 1, refused: 0 })
  await note()

  name.leadTo(two.port)
  await two.says('REPLICAOF', 'NO', 'ONE')
  await one.says('REPLICAOF', '127.0.0.1', `${two.port}`)
  await until(async () => (await limiter.admit({ org: 'acme' })).admitted, { what: 'admissions at the new primary' })
  await note()
  expect(await limiter.orgStats('acme')).toMatchObject({ currentCount: 1 })
})
