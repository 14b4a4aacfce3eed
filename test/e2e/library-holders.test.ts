import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { version } from '../../src/core/version.js'
import {
  type Admission,
  type Admitted,
  createLimiter,
  type HoldersOptions,
  type Limiter,
  type LimiterOptions,
  StoreUnavailable,
} from '../../src/index.js'
import { redisKeys } from '../../src/store/redis/keys.js'
import { leakGate } from '../support/leak-gate.js'
import { freePort } from '../support/ports.js'
import { freshPrefix, sharedRedisUrl, startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

/** A deadline so long that a busy machine is not taken for a store that is away. */
const SHORT = { leaseTtlMs: 8_000, renewIntervalMs: 200, storeTimeoutMs: 2_000 }

async function start(options: LimiterOptions): Promise<Limiter> {
  const limiter = createLimiter({ ...SHORT, ...options })
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  await limiter.ready()
  return limiter
}

function taken(admission: Admission): Admitted {
  if (!admission.admitted) throw new Error(`refused: ${admission.code}`)
  onTestFinished(() => admission.release())
  return admission
}

const onRedis = () => ({ redis: sharedRedisUrl(), keyPrefix: freshPrefix() })

describe.each<[string, () => LimiterOptions]>([
  ['Redis', onRedis],
  ['the embedded store', () => ({})],
])('on %s', (_, options) => {
  test('a holder is told with all that it said when it came, and is gone when it has released', async () => {
    const limiter = await start({ ...options(), nodeName: 'one', limits: { address: 100 } })
    const beforeMs = Date.now()
    const request = { gateway: 'eu', instance: 'pod-1', address: '192.0.2.7', limit: 5, priority: true }
    const full = taken(await limiter.admit({ org: 'acme', ...request }))
    const bare = taken(await limiter.admit({ org: 'acme', limit: Number.POSITIVE_INFINITY }))
    taken(await limiter.admit({ org: 'globex' }))
    const { orgId, connections, truncated } = await limiter.holders('acme')
    expect([orgId, truncated, connections.length]).toEqual(['acme', false, 2])
    const [node] = await limiter.nodes()
    const here = { lease: node!.lease, node: 'one', mine: true, since: expect.any(String) }
    const instance = { name: 'instance', id: 'acme/eu/pod-1' }
    const address = { name: 'address', id: '192.0.2.7' }
    expect(connections.find(({ connectionId }) => connectionId === full.connectionId)).toEqual({
      ...{ connectionId: full.connectionId, ...here, ...request },
      scopes: expect.arrayContaining([instance, address]),
    })
    expect(connections.find(({ connectionId }) => connectionId === bare.connectionId)).toEqual({
      ...{ connectionId: bare.connectionId, ...here, scopes: [] },
    })
    for (const { since } of connections) {
      expect(Date.parse(since!)).toBeGreaterThanOrEqual(beforeMs)
      expect(Date.parse(since!)).toBeLessThanOrEqual(Date.now())
    }
    full.release()
    bare.release()
    await until(async () => (await limiter.holders('acme')).connections.length === 0)
  })

  test('so many are told as were asked for, and whether there are more', async () => {
    const limiter = await start(options())
    const held = await Promise.all([1, 2, 3].map(async () => taken(await limiter.admit({ org: 'acme' }))))
    const ids = new Set(held.map(({ connectionId }) => connectionId))
    for (const [atMost, told] of [
      [1, 1],
      [2, 2],
      [3, 3],
      [10_000, 3],
      [undefined, 3],
    ] as const) {
      const { connections, truncated } = await limiter.holders('acme', { atMost })
      expect([connections.length, truncated], `at most ${atMost}`).toEqual([told, told < 3])
      for (const { connectionId } of connections) expect(ids).toContain(connectionId)
    }
    expect(await limiter.holders('nobody')).toEqual({ orgId: 'nobody', connections: [], truncated: false })
  })

  test.each<[unknown, string]>([
    [{ atMots: 3 }, 'atMots is not an option; did you mean atMost?'],
    [{ atMost: '3' }, 'atMost is a number, not "3"'],
    [{ atMost: 0 }, 'atMost is a whole number from 1 to 10000, not 0'],
    [{ atMost: 10_001 }, 'atMost is a whole number from 1 to 10000, not 10001'],
    [{ atMost: 1.5 }, 'atMost is a whole number from 1 to 10000, not 1.5'],
    [{ atMost: Number.NaN }, 'atMost is a whole number from 1 to 10000, not NaN'],
    [null, 'the argument is an object of options, not null'],
    [3, 'the argument is an object of options, not 3'],
  ])('%o is refused', async (told, message) => {
    const limiter = await start(options())
    const misuse = expect.objectContaining({ name: 'UsageError', code: 'INVALID_SETTINGS', message })
    await expect(limiter.holders('acme', told as HoldersOptions)).rejects.toEqual(misuse)
  })

  test('an id that no org can have is refused, and one that is strange is like any other', async () => {
    const limiter = await start(options())
    for (const org of ['', 'lone \ud800 surrogate', undefined, 7] as string[]) {
      await expect(limiter.holders(org)).rejects.toMatchObject({ name: 'UsageError', code: 'INVALID_ORG' })
    }
    const org = '{1}:org:\r\n🏢'
    taken(await limiter.admit({ org }))
    expect((await limiter.holders(org)).connections).toHaveLength(1)
  })

  test('this process is one of the nodes from its first admission to its stop', async () => {
    const limiter = createLimiter({ ...SHORT, ...options(), nodeName: 'one' })
    onTestFinished(() => limiter.drain({ withinMs: 0 }))
    let lease: number | undefined
    limiter.on('lease.taken', (event) => (lease = event.lease))
    await limiter.ready()
    taken(await limiter.admit({ org: 'acme' }))
    const [node, ...others] = await limiter.nodes()
    expect(others).toEqual([])
    expect(node).toEqual({
      ...{ name: 'one', lease, startedAt: expect.any(String), connections: 1 },
      ...{ leaseExpiresInMs: expect.any(Number), heartbeatAgeMs: expect.any(Number), late: expect.any(Boolean) },
      ...{ version, settings: expect.objectContaining({ 'limits.org': 3, leaseTtlMs: SHORT.leaseTtlMs }) },
      self: true,
    })
    expect(node!.heartbeatAgeMs! + node!.leaseExpiresInMs).toBe(SHORT.leaseTtlMs)
    expect(Math.abs(Date.parse(node!.startedAt!) - Date.now())).toBeLessThan(60_000)
  })
})

describe('over processes that share a Redis', () => {
  test('each sees the same, and what of it is its own', async () => {
    const shared = onRedis()
    const [one, other] = [await start({ ...shared, nodeName: 'a' }), await start({ ...shared, nodeName: 'b' })]
    const [first, second] = [taken(await one.admit({ org: 'acme' })), taken(await other.admit({ org: 'acme' }))]
    for (const [limiter, name] of [
      [one, 'a'],
      [other, 'b'],
    ] as const) {
      const nodes = (await limiter.nodes()).sort((x, y) => (x.name < y.name ? -1 : 1))
      expect(nodes).toMatchObject([
        { name: 'a', connections: 1, self: name === 'a' },
        { name: 'b', connections: 1, self: name === 'b' },
      ])
      const { connections } = await limiter.holders('acme')
      const [a, b] = [first, second].map((held) => connections.find((each) => each.connectionId === held.connectionId))
      expect([connections.length, a, b]).toEqual([
        2,
        expect.objectContaining({ node: 'a', lease: nodes[0]!.lease, mine: name === 'a' }),
        expect.objectContaining({ node: 'b', lease: nodes[1]!.lease, mine: name === 'b' }),
      ])
    }
    await other.drain({ withinMs: 1_000 })
    expect(await one.nodes()).toMatchObject([{ name: 'a', self: true }])
    expect((await one.holders('acme')).connections).toMatchObject([{ node: 'a', mine: true }])
  })

  test('as many ask for holders at once as questions may wait', async () => {
    const limiter = await start({ ...onRedis(), nodeName: 'a' })
    taken(await limiter.admit({ org: 'acme' }))
    const told = await Promise.all(Array.from({ length: 60 }, () => limiter.holders('acme')))
    expect(told.map(({ connections }) => connections[0]?.node)).toEqual(Array(60).fill('a'))
  })

  test('what a process holds is its own still under a new lease (R1)', async () => {
    const shared = onRedis()
    const limiter = await start(shared)
    taken(await limiter.admit({ org: 'acme' }))
    const before = (await limiter.nodes())[0]!.lease
    const redis = new Redis(shared.redis)
    onTestFinished(() => redis.disconnect())
    await redis.del(...(await redis.keys(`${shared.keyPrefix}*`)))
    await until(async () => (await limiter.nodes()).some(({ lease, self }) => self && lease !== before), {
      withinMs: 10_000,
    })
    await until(async () => (await limiter.holders('acme')).connections.some(({ mine }) => mine), { withinMs: 10_000 })
    const [node] = (await limiter.nodes()).filter(({ self }) => self)
    expect((await limiter.holders('acme')).connections).toMatchObject([{ lease: node!.lease, mine: true }])
  })

  test('one that no longer renews is late, by the times of its own lease, and its slots are told until it is dead', async () => {
    const shared = onRedis()
    const one = await start({ ...shared, nodeName: 'a' })
    const other = await start({ ...shared, nodeName: 'b', leaseTtlMs: 5_000, renewIntervalMs: 1_000 })
    taken(await other.admit({ org: 'acme' }))
    const [b] = (await one.nodes()).filter(({ name }) => name === 'b')
    expect(b!.heartbeatAgeMs! + b!.leaseExpiresInMs).toBe(5_000)
    expect(b!.late).toBe(false)
    const redis = new Redis(shared.redis)
    onTestFinished(() => redis.disconnect())
    const { leases, meta } = redisKeys(shared.keyPrefix, 0)
    // As if it had hung for two seconds; it renews only a second from now.
    await new Promise<void>((resolve) => other.on('lease.renewed', () => resolve()))
    await redis.zadd(leases, Number(await redis.hget(meta, 'clock')) + 3_000, String(b!.lease))
    const [hung] = (await one.nodes()).filter(({ name }) => name === 'b')
    expect(hung).toMatchObject({ late: true, self: false })
    expect(hung!.heartbeatAgeMs).toBeGreaterThanOrEqual(2_000)
    expect((await one.holders('acme')).connections).toMatchObject([{ node: 'b', mine: false }])
  })

  test('while the store is away both reject with STORE_UNAVAILABLE', async () => {
    const nowhere = createLimiter({ redis: `redis://127.0.0.1:${await freePort()}` })
    onTestFinished(() => nowhere.drain({ withinMs: 0 }))
    await expect(nowhere.nodes()).rejects.toThrow(StoreUnavailable)
    await expect(nowhere.holders('acme')).rejects.toThrow(StoreUnavailable)
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const limiter = await start({ redis: redis.url })
    await redis.pause()
    onTestFinished(() => redis.resume())
    await expect(limiter.nodes()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(limiter.holders('acme')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(limiter.holders('')).rejects.toMatchObject({ code: 'INVALID_ORG' })
  })
})
