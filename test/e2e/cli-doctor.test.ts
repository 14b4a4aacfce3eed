import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { Books } from '../support/books.js'
import { type Fleet, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { operate, type Told } from '../support/operator.js'
import { startServer } from '../support/processes.js'
import { freshPrefix, startLocalRedis, type TestRedis } from '../support/redis.js'
import { makeLookingUser } from '../support/redis-rights.js'
import { startProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

interface Finding {
  readonly code: string
  readonly severity: string
  readonly subject: string
  readonly details: readonly string[]
}

async function doctor(url: string, prefix: string): Promise<Told & { findings: Finding[]; codes: string[] }> {
  const told = await operate(['doctor', '--json', '--redis', url, '--key-prefix', prefix])
  const { findings, skipped } = JSON.parse(told.stdout) as { findings: Finding[]; skipped: string[] }
  expect(skipped).toEqual([])
  return { ...told, findings, codes: findings.map(({ code }) => code).sort() }
}

describe('a living cluster', () => {
  let fleet: Fleet
  let gateway: Accepted

  beforeAll(async () => {
    fleet = await startFleet({ count: 2 })
    gateway = (await connectGateway(fleet.urls[0]!, { key: fleet.keyOf('acme') })) as Accepted
  }, 60_000)

  afterAll(async () => {
    gateway.terminate()
    await fleet.stop()
  })

  test('is well, by the nodes and by what Redis holds', async () => {
    const { adminUrl, adminToken } = fleet.nodes[0]!
    const nodes = await operate(['doctor', '--admin', adminUrl], { ADMIN_TOKEN: adminToken })
    expect(nodes).toMatchObject({ code: 0, stdout: `${adminUrl}: nothing is wrong\n` })
    expect(await doctor(fleet.redis.url, fleet.books.prefix)).toMatchObject({ code: 0, codes: [] })
  })

  test('a lowered limit, a full set of rights for a reader, and a wrong prefix', async () => {
    const { redis, keys, prefix } = fleet.books
    await fleet.nodes[0]!.admin('/admin/v1/orgs/acme/limit', { method: 'PUT', body: '{"limit":0}' })
    onTestFinished(() => fleet.nodes[0]!.admin('/admin/v1/orgs/acme/limit', { method: 'DELETE' }).then(() => {}))
    expect((await doctor(fleet.redis.url, prefix)).findings).toMatchObject([
      { code: 'ORG_OVER_LIMIT', severity: 'warning', subject: 'org acme', details: ['1 of 0'] },
    ])
    const { adminUrl, adminToken } = fleet.nodes[1]!
    const nodes = await operate(['doctor', '--admin', adminUrl], { ADMIN_TOKEN: adminToken })
    expect(nodes.code).toBe(1)
    expect(nodes.lines[0]).toBe('warning ORG_OVER_LIMIT  org acme: 1 of 0')
    expect((await doctor(fleet.redis.url, freshPrefix())).codes).toEqual(['NO_CLUSTER'])
    await redis.call('ACL', 'SETUSER', 'blind', 'on', '>geheim', `~${keys.meta}`, '+info', '+time')
    const url = fleet.redis.url.replace('redis://', 'redis://blind:geheim@')
    const blind = await operate(['doctor', '--redis', url, '--key-prefix', prefix])
    expect(blind.stdout).toMatch(/^not looked at: the keys: .*(NOPERM|permissions)/m)
    // What it may not read is not missing.
    expect([blind.code, blind.stdout]).toEqual([0, expect.not.stringContaining('NO_CLUSTER')])
    expect(blind.lines.at(-1)).toMatch(/: nothing is wrong with what was looked at$/)
  })

  test('who may look and not write is told of no fault, and of the rights that it cannot judge', async () => {
    await makeLookingUser(fleet.books.redis, fleet.books.prefix)
    const url = fleet.redis.url.replace('redis://', 'redis://looker:geheim@')
    const looked = await operate(['doctor', '--redis', url, '--key-prefix', fleet.books.prefix])
    expect(looked.code).toBe(0)
    expect(looked.lines.filter((line) => line.startsWith('not looked at: '))).toEqual([
      expect.stringMatching(/^not looked at: the rights: this user may not write/),
    ])
  })

  test('a store that answers and refuses newcomers: by its node too, whose store is reachable', async () => {
    const redis = await startLocalRedis()
    onTestFinished(() => redis.stop())
    const own = await startFleet({ count: 1, redis })
    onTestFinished(() => own.stop())
    await own.books.redis.config('SET', 'maxmemory', '1')
    const refused = await connectGateway(own.urls[0]!, { key: own.keyOf('acme') })
    expect(refused).toMatchObject({ accepted: false, status: 503 })
    const { adminUrl, adminToken } = own.nodes[0]!
    const told = await until(async () => {
      const each = await operate(['doctor', '--admin', adminUrl], { ADMIN_TOKEN: adminToken })
      return each.code === 1 ? each : undefined
    })
    expect(told.lines[0]).toMatch(/^warning NEWCOMERS_REFUSED {2}.*: 1 newcomer within a minute: STORE_UNAVAILABLE$/)
    expect(own.nodes[0]!.output()).toMatch(/"level":"error".*"reason":"memory","org":"acme".*raise maxmemory/)
  }, 60_000)

  test('a node that is cut off from Redis, and one that has none', async () => {
    const alone = await startServer()
    onTestFinished(() => alone.stop())
    const told = await operate(['doctor', '--admin', alone.adminUrl], { ADMIN_TOKEN: alone.adminToken })
    expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('advice  EMBEDDED_STORE') })
    expect(await operate(['doctor', '--admin', alone.adminUrl])).toMatchObject({ code: 3 })
  })
})

/** Lease of a node that a test has written by hand, sound in every respect. */
const [LEASE, STRANGER] = ['1234567', '7654321']

describe('what is planted', () => {
  let server: TestRedis
  let books: Books
  let redis: Redis

  beforeAll(async () => {
    server = await startLocalRedis()
  }, 30_000)

  afterAll(() => server.stop())

  beforeEach(async () => {
    books = new Books(server.url, freshPrefix())
    redis = books.redis
    await redis.flushall()
    await redis.config('RESETSTAT')
    const { keys } = books
    const info = await redis.info()
    const identity = `${/run_id:(\w+)/.exec(info)![1]}:${/master_replid:(\w+)/.exec(info)![1]}`
    await redis.hset(keys.meta, { identity, epoch: 'e', clock: '1000', time: String(await nowMs()) })
    await redis.hset(keys.admission, { [LEASE]: '1:e', about: '' })
    await redis.zadd(keys.leases, 16_000, LEASE)
    await slot('acme', 'c-1', LEASE)
    await operate(['nodes', '--redis', server.url, '--key-prefix', books.prefix])
  })

  afterEach(() => books.close())

  async function nowMs(): Promise<number> {
    return Number((await redis.time())[0]) * 1_000
  }

  /** A slot with its index entry; `''` leaves one of the two out. */
  async function slot(org: string, id: string, lease: string, entryOf = org): Promise<void> {
    if (org) await redis.zadd(books.keys.scope({ name: 'org', id: org }), lease, id)
    if (entryOf) await redis.hset(books.keys.conns(lease), id, `["org","${entryOf}"]\n{}`)
  }

  const examine = () => doctor(server.url, books.prefix)

  test('control: what is sound is found sound, but for the one script that no node has loaded', async () => {
    expect((await examine()).codes.filter((code) => code !== 'SCRIPT_NOT_LOADED')).toEqual([])
    await redis.script('FLUSH')
    expect(await examine()).toMatchObject({ code: 1, codes: ['SCRIPT_NOT_LOADED'] })
  })

  test('control: no key that this version has is unknown', async () => {
    for (const key of [books.keys.taken, books.keys.probes, ...books.keys.allOrders])
      await redis.zadd(key, LEASE, 'c-1')
    expect((await examine()).codes).not.toContain('UNKNOWN_KEY')
  })

  const planted: readonly (readonly [code: string, detail: RegExp, plant: () => Promise<unknown>])[] = [
    ['MEMBER_WITHOUT_LEASE', /connection ghost of lease 7654321/, () => slot('acme', 'ghost', STRANGER, '')],
    ['MEMBER_WITHOUT_INDEX', /connection c-2/, () => slot('acme', 'c-2', LEASE, '')],
    ['INDEX_WITHOUT_MEMBER', /connection c-2/, () => slot('', 'c-2', LEASE, 'acme')],
    ['INDEX_WITHOUT_LEASE', /^1 entry$/, () => slot('', 'c-2', STRANGER, 'acme')],
    ['FENCE_MISMATCH', /may act and never expires/, () => redis.hset(books.keys.admission, STRANGER, '1:e')],
    ['FENCE_MISMATCH', /has an expiry and may not act/, () => redis.zadd(books.keys.leases, 99_000, STRANGER)],
    ['LEASE_LAPSED', /has lapsed/, () => redis.zadd(books.keys.leases, 999, LEASE)],
    [
      'NODE_LATE',
      /^silent for 45 s, its lease ends in 15 s$/,
      () => redis.hset(books.keys.nodes, LEASE, '{"name":"a","leaseTtlMs":60000,"renewIntervalMs":3000}'),
    ],
    ['DEAD_NOT_SWEPT', /is dead and not swept/, () => redis.sadd(books.keys.dead, STRANGER)],
    ['ORDER_WITHOUT_LEASE', /connection c-9/, () => redis.zadd(books.keys.orders('evict'), STRANGER, 'c-9')],
    ['FOREIGN_TYPE', /a string, not a zset/, () => redis.set(books.keys.scope({ name: 'org', id: 'x' }), '1')],
    ['KEY_EXPIRES', /vanish/, () => redis.expire(books.keys.conns(LEASE), 1_000)],
    ['UNKNOWN_KEY', /stray/, () => redis.set(`${books.prefix}stray`, '1')],
    [
      'ORG_OVER_LIMIT',
      /1 of 0/,
      () => redis.hset(books.keys.admission, books.keys.scope({ name: 'org', id: 'acme' }), '0'),
    ],
    ['STORE_CHANGED', /another one/, () => redis.hset(books.keys.meta, 'identity', 'a:b')],
    ['RECOVERING', /recovers/, () => redis.hset(books.keys.meta, 'recovery', '9999')],
    [
      'NO_RENEWALS',
      /nobody has renewed for \d+ s/,
      async () => redis.hset(books.keys.meta, 'time', (await nowMs()) - 60_000),
    ],
    ['CLOCK_WENT_BACK', /by \d+ s/, async () => redis.hset(books.keys.meta, 'time', (await nowMs()) + 60_000)],
    [
      'NO_NODES',
      /no node has a lease/,
      () =>
        redis.del(
          books.keys.leases,
          books.keys.admission,
          books.keys.conns(LEASE),
          books.keys.scope({ name: 'org', id: 'acme' }),
        ),
    ],
  ]

  test.each(planted)('%s: %s', async (code, detail, plant) => {
    await plant()
    const { findings } = await examine()
    expect(findings.filter((finding) => finding.code !== 'SCRIPT_NOT_LOADED')).toMatchObject([
      { code, details: [expect.stringMatching(detail)] },
    ])
  })

  const settings: readonly (readonly [code: string, name: string, value: string, sound: string])[] = [
    ['EVICTION_POLICY', 'maxmemory-policy', 'allkeys-lru', 'noeviction'],
    ['MEMORY_FULL', 'maxmemory', '100000', '0'],
    ['CLIENTS_NEARLY_FULL', 'maxclients', '2', '10000'],
  ]

  test.each(settings)('%s: %s %s', async (code, name, value, sound) => {
    await redis.config('SET', name, value)
    const { findings } = await examine().finally(() => redis.config('SET', name, sound))
    expect(findings.map((finding) => finding.code)).toContain(code)
  })

  test('MEMORY_NEARLY_FULL', async () => {
    // So much, and without a buffer for it, that what comes and goes beside it is nothing.
    await redis.setrange('filler', 50_000_000, 'x')
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
    await redis.config('SET', 'maxmemory', Math.floor(used * 1.05))
    const { codes } = await examine().finally(() => redis.config('SET', 'maxmemory', 0))
    expect(codes.some((code) => code.startsWith('MEMORY_'))).toBe(true)
  })

  test('an append-only file, which keeps the exceptions to limits, is sound', async () => {
    await redis.config('SET', 'appendonly', 'yes')
    const { codes } = await examine().finally(() => redis.config('SET', 'appendonly', 'no'))
    expect(codes.filter((code) => code !== 'SCRIPT_NOT_LOADED')).toEqual([])
  })

  test('KEYS_EVICTED while it evicts, KEYS_WERE_EVICTED when it no longer does', async () => {
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await redis.config('SET', 'maxmemory', '100000')
    await redis.set('filler', 'x').catch(() => {})
    await until(async () => !/evicted_keys:0\r/.test(await redis.info('stats')))
    await redis.config('SET', 'maxmemory', '0')
    expect((await examine()).codes).toContain('KEYS_EVICTED')
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    const { codes, findings } = await examine()
    expect(codes).not.toContain('KEYS_EVICTED')
    expect(findings.find(({ code }) => code === 'KEYS_WERE_EVICTED')?.severity).toBe('warning')
  })

  test('SAVE_FAILED', async () => {
    // Renaming a snapshot over a directory fails, whoever asks.
    const [, directory] = (await redis.config('GET', 'dir')) as [string, string]
    const { mkdirSync, rmSync } = await import('node:fs')
    mkdirSync(`${directory}/dump.rdb/in-the-way`, { recursive: true })
    await redis.bgsave()
    await until(async () => /rdb_last_bgsave_status:err/.test(await redis.info('persistence')))
    expect((await examine()).codes).toContain('SAVE_FAILED')
    rmSync(`${directory}/dump.rdb`, { recursive: true })
    await redis.bgsave()
    await until(async () => /rdb_last_bgsave_status:ok/.test(await redis.info('persistence')))
  })

  test('SLOW_ANSWERS', async () => {
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.stop())
    proxy.delay(60)
    expect((await doctor(proxy.url, books.prefix)).codes).toContain('SLOW_ANSWERS')
  })

  test('RIGHTS_MISSING, for the user of the address', async () => {
    await redis.call('ACL', 'SETUSER', 'poor', 'reset', 'on', '>geheim', '~*', '+@all', '-zadd', '-hset')
    const url = server.url.replace('redis://', 'redis://poor:geheim@')
    const { findings } = await doctor(url, books.prefix)
    const found = findings.find(({ code }) => code === 'RIGHTS_MISSING')
    expect(found?.details.join()).toMatch(/'hset'.*'zadd'/)
  })

  test('REPLICA and REDIS_CLUSTER', async () => {
    const replica = await startLocalRedis({ args: ['--replicaof', server.host, String(server.port)] })
    const cluster = await startLocalRedis({ args: ['--cluster-enabled', 'yes'] })
    onTestFinished(() => Promise.all([replica.stop(), cluster.stop()]).then(() => {}))
    expect((await doctor(replica.url, freshPrefix())).codes).toContain('REPLICA')
    const told = await operate(['doctor', '--redis', cluster.url])
    expect(told.stdout).toContain('fault   REDIS_CLUSTER')
  })
})
