import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { ON_LEASE_LOST } from '../../src/core/policies.js'
import { type Admitted, createLimiter, type Limiter } from '../../src/index.js'
import { redisKeys } from '../../src/store/redis/keys.js'
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

/** As a proxy with a spare does: two that know nothing of each other, and neither is ever told that it was replaced. */
test.each(ON_LEASE_LOST)(
  'R1: an address that leads to another Redis and back costs nobody a connection, and admissions wait, under `%s`',
  async (onLeaseLost) => {
    const [one, two] = [await server(), await server()]
    const name = await startProxy(one.port)
    onTestFinished(() => name.stop())
    const keyPrefix = freshPrefix()
    const nodes = [1, 2].map(() =>
      createLimiter({
        ...{ redis: name.url, keyPrefix, limits: { org: 3 }, leaseTtlMs: 4_000, renewIntervalMs: 200 },
        policies: { onLeaseLost },
      }),
    )
    onTestFinished(() => void nodes.map((node) => node.drain({ withinMs: 1_000 })))
    await Promise.all(nodes.map((node) => node.ready()))
    const open: Admitted[] = []
    const admit = async (node: Limiter, org: string) => {
      const admission = await until(async () => {
        const answer = await node.admit({ org })
        return (answer.admitted || answer.code === 'ORG_CONNECTION_LIMIT_EXCEEDED') && answer
      })
      if (admission.admitted) open.push(admission)
      return admission.admitted
    }
    for (const org of ['acme', 'globex']) for (const node of nodes) expect(await admit(node, org)).toBe(true)
    const recoveries: string[] = []
    for (const node of nodes)
      node.on('lease.taken', ({ epoch, recoveryMs }) => void (recoveryMs > 0 && recoveries.push(epoch)))

    for (const { port } of [two, one]) {
      recoveries.length = 0
      name.leadTo(port)
      name.cutAll()
      await until(() => recoveries.length === 2, { what: 'both nodes wait for the recovery' })
      // Whom the first Redis has never heard of counts there too, as soon as anybody is admitted.
      if (port === two.port) for (const org of ['acme', 'globex']) expect(await admit(nodes[0]!, org)).toBe(true)
      for (const org of ['acme', 'globex']) for (const node of nodes) expect(await admit(node, org)).toBe(false)
    }
    expect(open.map(({ lost }) => lost.aborted)).toEqual(open.map(() => false))
    for (const org of ['acme', 'globex']) expect(await nodes[1]!.orgStats(org)).toMatchObject({ currentCount: 3 })
  },
)

/** How an address comes to lead to another Redis, and back. */
type Moves = (keyPrefix: string) => Promise<{ url: string; there: () => Promise<void>; back: () => Promise<void> }>

/** Where it leads to meanwhile nobody is given a lease. */
const MOVES: Record<string, Moves> = {
  'a proxy': async (keyPrefix) => {
    const [one, two] = [await server(), await server()]
    const name = await startProxy(one.port)
    onTestFinished(() => name.stop())
    await two.says('SET', redisKeys(keyPrefix).nodes, 'somebody else has written there')
    const lead = async (port: number) => {
      name.leadTo(port)
      name.cutAll()
    }
    return { url: name.url, there: () => lead(two.port), back: () => lead(one.port) }
  },
  // All connections go on, and what is said in a session of the one is heard by the other.
  SWAPDB: async (keyPrefix) => {
    const { redis, says } = await server()
    const swap = async () => void (await says('SWAPDB', '0', '1'))
    await swap()
    await says('SET', redisKeys(keyPrefix).nodes, 'somebody else has written there')
    await swap()
    return { url: redis.url, there: swap, back: swap }
  },
}

test.each(ON_LEASE_LOST.flatMap((policy) => Object.entries(MOVES).map(([by, moves]) => ({ policy, by, moves }))))(
  'R1: nor does one that leads back before the other Redis has given a lease, by $by, under `$policy`',
  async ({ policy: onLeaseLost, moves }) => {
    const keyPrefix = freshPrefix()
    const address = await moves(keyPrefix)
    const limits = { org: 1 }
    const times = { leaseTtlMs: 8_000, renewIntervalMs: 200, storeTimeoutMs: 1_000 }
    const node = createLimiter({ redis: address.url, keyPrefix, limits, ...times, policies: { onLeaseLost } })
    onTestFinished(() => node.drain({ withinMs: 1_000 }))
    await node.ready()
    const open = (await node.admit({ org: 'acme' })) as Admitted
    const told: string[] = []
    node.on('store.left', ({ cause }) => told.push(cause))
    for (const event of ['lease.lost', 'lease.taken'] as const) node.on(event, () => told.push(event))

    // It says that it has no memory of the lease, and cannot give another.
    await address.there()
    await until(() => told.some((cause) => cause.includes('WRONGTYPE')), { what: 'the other gives no lease' })
    await address.back()
    let renewals = 0
    node.on('lease.renewed', () => renewals++)
    await until(() => renewals > 2, { what: 'the node is back at the first' })
    expect([open.closing, open.mayCarryFrames?.() ?? true]).toEqual([undefined, true])
    expect(told.filter((event) => event.startsWith('lease.'))).toEqual([])
    expect(await node.admit({ org: 'acme' })).toMatchObject({ code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 1 })
  },
)

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
