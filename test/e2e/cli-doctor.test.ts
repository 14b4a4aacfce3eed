import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { doctor } from '../support/doctor.js'
import { type Fleet, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { operate } from '../support/operator.js'
import { startServer } from '../support/processes.js'
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
  }, 60_000)

  test('a node that is cut off from Redis, and one that has none', async () => {
    const alone = await startServer()
    onTestFinished(() => alone.stop())
    const told = await operate(['doctor', '--admin', alone.adminUrl], { ADMIN_TOKEN: alone.adminToken })
    expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('advice  EMBEDDED_STORE') })
    expect(await operate(['doctor', '--admin', alone.adminUrl])).toMatchObject({ code: 3 })
  })
})
