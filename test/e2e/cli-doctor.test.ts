import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { doctor } from '../support/doctor.js'
import { type Fleet, LIVELY, startFleet, writeKeys } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { operate } from '../support/operator.js'
import { startPlatform } from '../support/platform.js'
import { spawnServer, startServer } from '../support/processes.js'
import { freshPrefix, startLocalRedis } from '../support/redis.js'
import { makeLookingUser } from '../support/redis-rights.js'
import { until } from '../support/until.js'

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
    expect(await operate(['check', '--admin', adminUrl], { ADMIN_TOKEN: adminToken })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^HEADCOUNT WARNING - 1 newcomer refused within a minute: STORE_UNAVAILABLE by node-1 \|/,
      ),
    })
  }, 60_000)

  test('a node that is full, by itself and, once, by another', async () => {
    const own = await startFleet({ count: 2, redis: fleet.redis, env: { WS_MAX_CONNECTIONS: '1' } })
    onTestFinished(() => own.stop())
    const open = () => connectGateway(own.urls[0]!, { key: own.keyOf('acme') })
    const held = (await open()) as Accepted
    onTestFinished(() => held.terminate())
    for (let n = 0; n < 2; n++) expect(await open()).toMatchObject({ body: { code: 'NODE_CAPACITY_EXCEEDED' } })
    const noted = async () =>
      (await own.nodes[1]!.admin<{ refusals: unknown[] }>('/admin/v1/refusals')).refusals.length === 2
    await until(noted, { what: 'the other node has heard of it' })
    for (const { adminUrl, adminToken } of own.nodes) {
      const ask = (command: string) => operate([command, '--admin', adminUrl], { ADMIN_TOKEN: adminToken })
      expect(await ask('doctor')).toMatchObject({
        code: 1,
        lines: [
          'warning NODE_FULL  node-1: 2 newcomers within a minute: NODE_CAPACITY_EXCEEDED',
          expect.stringContaining('WS_MAX_CONNECTIONS'),
          expect.stringMatching(/: 1 finding$/),
        ],
      })
      expect((await ask('check')).lines[0]).toMatch(
        /^HEADCOUNT WARNING - 2 newcomers refused within a minute: NODE_CAPACITY_EXCEEDED by node-1 \|/,
      )
    }
  }, 60_000)

  test('a node that has other settings than the rest: of a deploy under way, and left over of one', async () => {
    const own = await startFleet({ count: 1, redis: fleet.redis })
    onTestFinished(() => own.stop())
    const { redis, keys, prefix } = own.books
    const secret = 'a secret of operators'.replaceAll(' ', '-')
    const odd = await startServer({
      env: {
        ...{ ...LIVELY, REDIS_URL: fleet.redis.url, HEADCOUNT_KEY_PREFIX: prefix, HEADCOUNT_NODE_NAME: 'odd' },
        ...{ HEADCOUNT_KEYS_FILE: writeKeys(['acme']), WS_MAX_CONNECTIONS_PER_ORG: '5' },
        HEADCOUNT_RESUME_SECRET: secret,
      },
    })
    onTestFinished(() => odd.stop())
    const ask = (command: string) =>
      operate([command, '--admin', odd.adminUrl], { ADMIN_TOKEN: odd.adminToken, NO_COLOR: '1' })
    const read = (command: string) => operate([command, '--redis', fleet.redis.url, '--key-prefix', prefix])
    const limit = 'WS_MAX_CONNECTIONS_PER_ORG \\(limits\\.org\\): 3 on node-1; 5 on odd; for '
    const signed = 'HEADCOUNT_RESUME_SECRET \\(resumeSecret\\): kept in the store on node-1; digest \\w{8} on odd; for '
    for (const look of [ask, read]) {
      const { code, lines } = await look('doctor')
      expect([code, lines.length]).toEqual([0, 5])
      expect(lines[0]).toMatch(new RegExp(`^advice  SETTINGS_CHANGING  ${limit}[\\d.]+ (s|min)$`))
      expect(lines[2]).toMatch(new RegExp(`^advice  SETTINGS_CHANGING  ${signed}[\\d.]+ (s|min)$`))
      const nodes = await look('nodes')
      expect(nodes.lines.at(-1)).toBe(
        'they differ in WS_MAX_CONNECTIONS_PER_ORG (limits.org), HEADCOUNT_RESUME_SECRET (resumeSecret): see headcount doctor',
      )
    }
    expect(JSON.stringify(await redis.hgetall(keys.nodes))).not.toContain(secret)
    // When they started they have told once, and nobody else knows it.
    const startedAt = new Date(Date.now() - 2 * 24 * 3_600_000).toISOString()
    for (const [lease, info] of Object.entries(await redis.hgetall(keys.nodes))) {
      await redis.hset(keys.nodes, lease, JSON.stringify({ ...JSON.parse(info), startedAt }))
    }
    for (const look of [ask, read]) {
      const { code, lines } = await look('doctor')
      expect([code, lines.length]).toEqual([1, 5])
      expect(lines[0]).toMatch(new RegExp(`^warning SETTINGS_DIFFER  ${limit}2 d$`))
      expect(lines[2]).toMatch(new RegExp(`^warning SETTINGS_DIFFER  ${signed}2 d$`))
    }
  }, 60_000)

  test('limits that come from the platform are no excess over the default of the node; what an operator sets is', async () => {
    const platform = await startPlatform(() => ({ status: 200, body: { org: 'acme', gateway: 'g', limit: 5 } }))
    const env = { HEADCOUNT_KEYS_FILE: '', HEADCOUNT_AUTH_CALLBACK_URL: platform.url }
    const own = await startFleet({
      ...{ count: 1, redis: fleet.redis, env: { ...env, HEADCOUNT_AUTH_CALLBACK_TTL: '0s' } },
    })
    onTestFinished(() => own.stop())
    const held = await Promise.all([0, 1, 2, 3].map(() => connectGateway(own.urls[0]!, { key: 'any' })))
    onTestFinished(() => {
      for (const one of held) if (one.accepted) one.terminate()
    })
    const { adminUrl, adminToken } = own.nodes[0]!
    const ask = (...args: string[]) => operate([...args, '--admin', adminUrl], { ADMIN_TOKEN: adminToken })
    const { orgs } = await own.nodes[0]!.admin<{ orgs: object[] }>('/admin/v1/orgs')
    expect(orgs, 'control: its node alone would say so').toMatchObject([{ maxAllowed: 3, excess: 1 }])
    expect(await ask('doctor')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing is wrong') })
    expect(await ask('check', '-w', '90')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('fullest=80%;90;'),
    })
    await own.nodes[0]!.admin('/admin/v1/orgs/acme/limit', { method: 'PUT', body: '{"limit":2}' })
    expect((await ask('doctor')).lines[0]).toBe('warning ORG_OVER_LIMIT  org acme: 4 of 2')
    expect((await ask('check', '-c', '150')).lines[0]).toMatch(/^HEADCOUNT CRITICAL - acme holds 200% of its limit/)
  }, 60_000)

  test('a store that recovers, by its node, which answers and admits nobody yet', async () => {
    // A Redis that was never used counts as one that lost its memory; with such times it recovers for half a minute.
    const node = await spawnServer({
      env: {
        ...{ REDIS_URL: fleet.redis.url, HEADCOUNT_KEY_PREFIX: freshPrefix(), HEADCOUNT_NODE_NAME: 'new' },
        ...{ HEADCOUNT_LEASE_TTL: '60s', HEADCOUNT_RENEW_INTERVAL: '10s' },
      },
    })
    onTestFinished(() => node.stop())
    const ask = (command: string) => operate([command, '--admin', node.adminUrl], { ADMIN_TOKEN: node.adminToken })
    const told = await until(
      async () => {
        const each = await ask('check')
        return each.code === 1 ? each : undefined
      },
      { withinMs: 20_000 },
    )
    expect(told.lines[0]).toMatch(/^HEADCOUNT WARNING - the store recovers: newcomers wait \|/)
    expect((await ask('doctor')).lines[0]).toMatch(
      /^warning RECOVERING {2}new: its newcomers wait for [\d.]+ s at least$/,
    )
  }, 60_000)

  test('a node whose Redis is away, NODE_WITHOUT_STORE, and one that is gone', async () => {
    const redis = await startLocalRedis()
    onTestFinished(() => redis.stop())
    const node = await startServer({ env: { REDIS_URL: redis.url, ...LIVELY } })
    onTestFinished(() => node.stop())
    await redis.kill()
    const ask = () => operate(['doctor', '--admin', node.adminUrl], { ADMIN_TOKEN: node.adminToken })
    const found = await ask()
    expect(found.code).toBe(2)
    expect(found.lines[0]).toMatch(/^fault {3}NODE_WITHOUT_STORE {2}http:\S+: the store did not answer: /)
    expect(found.lines.at(-1)).toBe(`${node.adminUrl}: 1 finding`)
    await node.stop()
    expect((await ask()).code).toBe(3)
  }, 60_000)

  test('a node that has no Redis', async () => {
    const alone = await startServer()
    onTestFinished(() => alone.stop())
    const told = await operate(['doctor', '--admin', alone.adminUrl], { ADMIN_TOKEN: alone.adminToken })
    expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('advice  EMBEDDED_STORE') })
    expect(await operate(['doctor', '--admin', alone.adminUrl])).toMatchObject({ code: 3 })
  })
})
