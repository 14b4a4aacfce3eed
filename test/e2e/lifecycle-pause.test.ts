import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Fleet, MORTAL, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway, type GatewayResult } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { OpenConnections, untilBooksAgree } from '../support/open-connections.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { RedisMonitor, type ScriptCall } from '../support/redis-monitor.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

const READS = ['HGET', 'HMGET', 'HEXISTS']
const ORGS = ['taken', 'kept', 'half', 'left', 'late']

leakGate()

/**
 * One pause, five orgs. The first node holds slots of all; while it is stopped, other nodes take all slots of `taken`,
 * two of `half` and none of `kept`; a client of `left` hangs up, and clients of `late` knock at the stopped node.
 */
describe('S3: a node that was stopped past the end of its lease and goes on', () => {
  let redis: TestRedis
  let proxy: TcpProxy
  let fleet: Fleet
  let monitor: RedisMonitor | undefined
  const clients = new OpenConnections()

  // All anew for the test, and gone after it: a node may open its second connection to Redis in the middle.
  beforeEach(async () => {
    redis = await startRedis()
    proxy = await startProxy(redis.port, redis.host)
    const redisUrl = (node: number) => (node === 0 ? proxy.url : redis.url)
    fleet = await startFleet({ count: 3, orgs: ORGS, redis, redisUrl, env: { ...MORTAL, HEADCOUNT_LEASE_TTL: '4s' } })
  })
  afterEach(async () => {
    monitor?.stop()
    await clients.closeAll()
    await fleet?.stop()
    await proxy?.stop()
    await redis?.stop()
  })

  async function open(node: number, org: string, count: number): Promise<Accepted[]> {
    const opened: Accepted[] = []
    // One after another, so that the order of their ages is known.
    for (let i = 0; i < count; i++) opened.push(accept(await knock(node, org), org))
    return opened
  }

  function knock(node: number, org: string): Promise<GatewayResult> {
    return connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org), withinMs: 20_000 })
  }

  function accept(result: GatewayResult, org: string): Accepted {
    if (!result.accepted) throw new Error(`${org} was refused: ${JSON.stringify(result.body)}`)
    clients.add(org, result)
    return result
  }

  const stateOf = ({ ws }: Accepted) => (ws.readyState === ws.OPEN ? 'open' : 'closed')

  test('nothing it says under the old lease counts; its connections are kept or closed as there is room', async () => {
    const [paused] = fleet.nodes
    const old = await fleet.books.leaseOf('node-1')
    await open(0, 'taken', 3)
    const kept = await open(0, 'kept', 3)
    const half = await open(0, 'half', 3)
    const [leaver, stayer] = await open(0, 'left', 2)
    await untilBooksAgree(fleet.books, clients)

    paused!.pause()
    await until(async () => !(await fleet.books.isLive(old)), { withinMs: 8_000, what: 'the old lease is dead' })
    await open(1, 'taken', 3)
    await open(2, 'half', 2)
    // What the node will find when it goes on: a client gone, and new ones at the door.
    await clients.close(leaver!, 'cut')
    const knocking = Array.from({ length: 8 }, () => knock(0, 'late'))
    const others = new Map([...(await fleet.books.slots())].map(([org, ids]) => [org, [...ids.keys()]]))

    // The answers of Redis are held back for a moment, so that the node says much before it learns that it is fenced.
    const watching = await RedisMonitor.start(redis.url)
    monitor = watching
    proxy.holdReplies()
    paused!.resume()
    const underOldLease = (): ScriptCall[] => watching.calls.filter(({ lease }) => lease === old)
    // A node that was stopped in the middle of a call gives that connection up first, and says hello on another one.
    await until(() => {
      const verbs = underOldLease().map(({ verb }) => verb)
      if (!verbs.includes('hello')) expect(verbs).toEqual(expect.arrayContaining(['renew', 'acquire', 'release']))
      return true
    })
    proxy.releaseReplies()

    await until(() => clients.closedByServer.length === 5, { what: 'those for whom there is no room are closed' })
    const closings = clients.closedByServer.map(({ org, code }) => `${org} ${code}`).sort()
    expect(closings).toEqual([...Array(2).fill('half 4408'), ...Array(3).fill('taken 4408')])
    expect(kept.map(stateOf)).toEqual(['open', 'open', 'open'])
    expect(half.map(stateOf), 'the oldest is kept').toEqual(['open', 'closed', 'closed'])
    expect(stateOf(stayer!)).toBe('open')

    const late = await Promise.all(knocking)
    for (const result of late) {
      if (result.accepted) accept(result, 'late')
      else expect(result.body.code).toMatch(/^(ORG_CONNECTION_LIMIT_EXCEEDED|RECOVERING|STORE_UNAVAILABLE)$/)
    }
    expect(clients.count('late')).toBeLessThanOrEqual(3)
    await untilBooksAgree(fleet.books, clients)

    for (const org of ORGS) expect(clients.count(org), org).toBeLessThanOrEqual(3)
    expect(await fleet.books.leaseOf('node-1')).not.toBe(old)
    for (const call of underOldLease().filter(({ verb }) => verb !== 'hello')) {
      expect(
        call.commands.filter((command) => !READS.includes(command)),
        `${call.verb} under the old lease`,
      ).toEqual([])
    }
    // Those whom the other nodes let in meanwhile have lost nothing.
    for (const org of ['taken', 'half']) {
      const now = await fleet.books.ids(org)
      const fromOthers = clients.ids(org).filter((id) => others.get(org)?.includes(id))
      expect(now).toEqual(expect.arrayContaining(fromOthers))
    }
    await theRoomIsExact()
  })

  async function theRoomIsExact(): Promise<void> {
    for (const org of ORGS) {
      const free = 3 - clients.count(org)
      const results = await Promise.all(Array.from({ length: 9 }, (_, i) => knock(i % 3, org)))
      for (const result of results) if (result.accepted) accept(result, org)
      expect(
        results.filter(({ accepted }) => accepted),
        org,
      ).toHaveLength(free)
    }
    await clients.closeAll()
    await untilBooksAgree(fleet.books, clients)
    expect(await fleet.books.total()).toBe(0)
    await until(async () => (await fleet.books.redis.scard(fleet.books.keys.dead)) === 0, { what: 'nothing is dead' })
  }
})
