import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createLimiter, type Limiter } from '../../src/index.js'
import { type Fleet, LIVELY, setLimit, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway, type GatewayResult, type Refused } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { temporaryDirectory } from '../support/owned-process.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { until } from '../support/until.js'

const LIMITS = { org: 6, gateway: 4, address: 5, cluster: 9, reserved: 2 } as const

/** Each key is `<org>-<gateway>`, and with a `!` behind it has priority. */
const KEYS = ['acme-eu', 'acme-us', 'acme-us!', 'globex-eu', 'globex-us', 'initech-eu', 'hooli-eu', 'hooli-us']

let fleet: Fleet
const open: Accepted[] = []

beforeAll(async () => {
  const keysFile = join(temporaryDirectory(), 'keys.json')
  const keys = KEYS.map((key) => {
    const [orgId, gatewayId] = key.replace('!', '').split('-')
    return { key, orgId, gatewayId, ...(key.endsWith('!') && { priority: true }) }
  })
  writeFileSync(keysFile, JSON.stringify({ keys }))
  const env = {
    ...LIVELY,
    HEADCOUNT_KEYS_FILE: keysFile,
    HEADCOUNT_TRUSTED_PROXIES: '127.0.0.1,::1',
    WS_MAX_CONNECTIONS_PER_ORG: String(LIMITS.org),
    HEADCOUNT_MAX_CONNECTIONS_PER_GATEWAY: String(LIMITS.gateway),
    HEADCOUNT_MAX_CONNECTIONS_PER_ADDRESS: String(LIMITS.address),
    HEADCOUNT_CLUSTER_MAX_CONNECTIONS: String(LIMITS.cluster),
    HEADCOUNT_RESERVED_SLOTS: String(LIMITS.reserved),
  }
  fleet = await startFleet({ count: 2, env })
})
afterAll(() => fleet?.stop())
leakGate()

afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()))
  await until(async () => !(await sets()).size, { what: 'every slot of every scope is given back' })
})

let turn = 0
/** Comes to the nodes in turn; each from an address of its own where none is given. */
async function come(key: string, address = `10.0.${turn >> 8}.${turn & 255}`): Promise<GatewayResult> {
  const url = fleet.urls[turn++ % fleet.urls.length]!
  const result = await connectGateway(url, { key, headers: { 'x-forwarded-for': address } })
  if (result.accepted) open.push(result)
  return result
}

const comeAll = async (keys: readonly string[]) => {
  const results: GatewayResult[] = []
  for (const key of keys) results.push(await come(key))
  return results.map((result) => (result.accepted ? 'in' : result.body.code))
}

/** Every set of slots as Redis has it: name of its scope → connection ids. */
async function sets(): Promise<Map<string, string[]>> {
  const names = (await fleet.books.names()).filter((name) => /\}:(org|scope):/.test(name))
  const prefix = fleet.books.keys.orgPrefix.replace(/\{.*$/, '')
  const ids = await Promise.all(names.map((name) => fleet.books.redis.zrange(prefix + name, '0', '-1')))
  return new Map(names.map((name, i) => [name.replace(/^.*?\}:(scope:)?/, ''), ids[i]!.sort()]))
}

function refusal(result: GatewayResult): Refused {
  if (result.accepted) throw new Error('it was let in')
  return result
}

describe('limits beside that of an org, with two nodes on one Redis', () => {
  test('S1, S2: of 200 upgrades at one instant no limit is exceeded, and each connection is in all its sets', async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) => come(KEYS[(i * 7) % KEYS.length]!, `2001:db8:0:${i % 3}::${i}`)),
    )
    const held = await sets()
    const limitOf = (name: string) => LIMITS[name.split(':')[0] as keyof typeof LIMITS]
    for (const [name, ids] of held) expect(ids.length, name).toBeLessThanOrEqual(limitOf(name))
    const ids = results.flatMap((result) => (result.accepted ? [result.ack.connectionId] : [])).sort()
    const union = (kind: string) =>
      [...held].flatMap(([name, members]) => (name.startsWith(`${kind}:`) ? members : [])).sort()
    for (const kind of ['org', 'gateway', 'address', 'cluster']) expect(union(kind), kind).toEqual(ids)
    // S6: somebody would have had room in every scope otherwise.
    expect(ids.length).toBe(LIMITS.cluster)
    expect([...held.keys()].filter((name) => name.startsWith('address:')).sort()).toEqual(
      [0, 1, 2].map((net) => `address:2001:db8:0:${net}::/64`),
    )
    for (const result of results) if (!result.accepted) expect([429, 503]).toContain(result.status)
  })

  test('a gateway, an address and the cluster are refused each by its own code, with its own numbers', async () => {
    expect(await comeAll(Array(4).fill('acme-us!'))).toEqual(Array(4).fill('in'))
    const before = await sets()
    const gateway = refusal(await come('acme-us!'))
    const numbers = { scope: 'gateway', currentCount: 4, maxAllowed: 4 }
    expect(gateway).toMatchObject({ status: 429, body: { code: 'GATEWAY_CONNECTION_LIMIT_EXCEEDED', ...numbers } })
    expect(gateway.headers).toMatchObject({
      'ratelimit-policy': '"gateway";q=4;qu="concurrent-requests"',
      ratelimit: '"gateway";r=0',
      'retry-after': expect.stringMatching(/^\d+$/),
    })
    expect(await sets(), 'S2: a refusal leaves nothing behind').toEqual(before)
    for (let i = 0; i < 4; i++) expect((await come('globex-eu', `2001:db8::${i}`)).accepted).toBe(true)
    expect((await come('initech-eu', '2001:db8::ffff')).accepted).toBe(true)
    const address = refusal(await come('initech-eu', '2001:db8::1:1'))
    expect(address.body).toMatchObject({ code: 'ADDRESS_CONNECTION_LIMIT_EXCEEDED', currentCount: 5, maxAllowed: 5 })
    const cluster = refusal(await come('initech-eu'))
    expect(cluster).toMatchObject({ status: 503, body: { code: 'CLUSTER_CAPACITY_EXCEEDED', scope: 'cluster' } })
    expect(cluster.headers).toMatchObject({ ratelimit: '"cluster";r=0', 'retry-after': expect.any(String) })
  })

  test('reserved slots are left to keys with priority, also under an override, and both are told honest numbers', async () => {
    expect(await comeAll(['acme-eu', 'acme-us', 'acme-eu', 'acme-us', 'acme-eu'])).toEqual([
      ...Array(4).fill('in'),
      'ORG_CONNECTION_LIMIT_EXCEEDED',
    ])
    const refused = refusal(await come('acme-us'))
    expect(refused.body).toMatchObject({ currentCount: 4, maxAllowed: 4, reserved: 2 })
    expect(refused.headers).toMatchObject({ 'ratelimit-policy': '"org";q=4;qu="concurrent-requests"' })
    const shown = await fleet.nodes[0]!.admin('/admin/v1/orgs/acme')
    expect(shown).toMatchObject({ currentCount: 4, maxAllowed: 6, reserved: 2 })
    expect(await comeAll(['acme-us!', 'acme-us!', 'acme-us!'])).toEqual(['in', 'in', 'ORG_CONNECTION_LIMIT_EXCEEDED'])
    expect((await sets()).get('org:acme')).toHaveLength(6)

    await setLimit(fleet.nodes[0]!, 'hooli', 3)
    expect(await comeAll(['hooli-eu', 'hooli-us'])).toEqual(['in', 'ORG_CONNECTION_LIMIT_EXCEEDED'])
    await setLimit(fleet.nodes[0]!, 'hooli', 2)
    expect(refusal(await come('hooli-us')).body).toMatchObject({ currentCount: 1, maxAllowed: 0, reserved: 2 })
  })

  test('R1: after FLUSHALL every connection is in all its sets again, and no other is', async () => {
    await comeAll(['acme-eu', 'acme-us!', 'globex-eu', 'globex-us', 'initech-eu'])
    const before = await sets()
    expect(before.size).toBe(3 + 5 + 5 + 1)
    await fleet.books.redis.flushall()
    await until(async () => isDeepStrictEqual(await sets(), before), { what: 'all sets are as they were' })
    await until(async () => (await come('initech-eu')).accepted, { what: 'admissions have resumed' })
    expect(open.filter(({ ws }) => ws.readyState === ws.OPEN)).toHaveLength(6)
  })

  test('operators see what a connection counts against, and that it has priority', async () => {
    await come('acme-us!', '192.0.2.7')
    const { connections } = await fleet.nodes[1]!.admin<{ connections: unknown[] }>('/admin/v1/orgs/acme/connections')
    expect(connections).toMatchObject([
      {
        ...{ gateway: 'us', address: '192.0.2.7', priority: true },
        scopes: [
          { name: 'gateway', id: 'acme/us' },
          { name: 'address', id: '192.0.2.7' },
          { name: 'cluster', id: '' },
        ],
      },
    ])
  })
})

describe('scopes of the embedding program, with two limiters on one Redis', () => {
  async function twoLimiters(): Promise<[Limiter, Limiter]> {
    const keyPrefix = freshPrefix()
    const limiters = [1, 2].map(() =>
      createLimiter({
        ...{ redis: sharedRedisUrl(), keyPrefix, limits: { org: 9, reserved: { percent: 50 } } },
        ...{ leaseTtlMs: 10_000, renewIntervalMs: 500, storeTimeoutMs: 2_500 },
      }),
    ) as [Limiter, Limiter]
    onTestFinished(async () => {
      await Promise.all(limiters.map((limiter) => limiter.drain({ withinMs: 500 })))
    })
    await Promise.all(limiters.map((limiter) => limiter.ready()))
    return limiters
  }

  test('S1, S2: one user is limited over all orgs and nodes, and the refusal names the scope', async () => {
    const [one, two] = await twoLimiters()
    const user = (id: string) => ({ priority: true, scopes: [{ name: 'user', id, limit: 2 }] })
    const first = await one.admit({ org: 'acme', ...user('kim') })
    expect(await two.admit({ org: 'globex', ...user('kim') })).toMatchObject({ admitted: true, currentCount: 1 })
    const full = { scope: 'user', currentCount: 2, maxAllowed: 2 }
    expect(await two.admit({ org: 'acme', ...user('kim') })).toMatchObject({
      ...{ admitted: false, code: 'SCOPE_CONNECTION_LIMIT_EXCEEDED', ...full },
      retryAfterMs: expect.any(Number),
    })
    expect(await one.orgStats('acme')).toEqual({ orgId: 'acme', currentCount: 1, maxAllowed: 9, reserved: 4 })
    expect(await two.admit({ org: 'acme', ...user('lee') })).toMatchObject({ admitted: true, currentCount: 2 })
    if (first.admitted) first.release()
    await until(async () => (await two.admit({ org: 'acme', ...user('kim') })).admitted)
  })

  test('a share of the limit is reserved, and canAccept says for whom there is room', async () => {
    const [one, two] = await twoLimiters()
    const outcomes = []
    for (let i = 0; i < 6; i++) outcomes.push(await (i % 2 ? one : two).admit({ org: 'acme' }))
    expect(outcomes.filter(({ admitted }) => admitted)).toHaveLength(5)
    expect(outcomes[0]).toMatchObject({ maxAllowed: 5, reserved: 4 })
    expect(outcomes[5]).toMatchObject({ currentCount: 5, maxAllowed: 5, reserved: 4 })
    expect([await one.canAccept('acme'), await one.canAccept('acme', { priority: true })]).toEqual([false, true])
  })
})
