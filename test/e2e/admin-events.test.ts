import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Fleet, setLimit, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { RawClient } from '../support/raw-client.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'
import { type Watcher, watchEvents } from '../support/watch-events.js'

leakGate()

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ count: 2, env: { WS_MAX_CONNECTIONS_PER_ORG: '2' } })
})
afterAll(() => fleet?.stop())

async function watch(node: number, of = fleet): Promise<Watcher> {
  const watcher = await watchEvents(of.nodes[node]!)
  onTestFinished(() => watcher.leave())
  return watcher
}

async function open(node: number, org: string): Promise<Accepted> {
  const result = await connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org) })
  if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
  onTestFinished(async () => void (await result.close()))
  return result
}

/** How often Redis was asked each command so far. */
async function asked(): Promise<Record<string, number>> {
  const lines = (await fleet.books.redis.info('commandstats')).matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)
  return Object.fromEntries([...lines].map(([, name, calls]) => [name!, Number(calls)]))
}

/** The same between two moments that are `snapshots` of a watcher apart. */
async function askedWithin(watcher: Watcher, snapshots: number): Promise<Record<string, number>> {
  await watcher.next()
  const before = await asked()
  for (let n = 0; n < snapshots; n++) await watcher.next()
  const after = await asked()
  return Object.fromEntries(Object.entries(after).map(([name, calls]) => [name, calls - (before[name] ?? 0)]))
}

describe('the cluster, live', () => {
  test('any node tells of connections, orgs by utilisation, nodes and what is refused', async () => {
    onTestFinished(async () => void (await setLimit(fleet.nodes[0]!, 'globex', 'unlimited')))
    await setLimit(fleet.nodes[0]!, 'globex', 4)
    await open(0, 'globex')
    await open(0, 'acme')
    await open(1, 'acme')
    const watcher = await watch(1)
    expect(watcher.status).toBe(200)
    const { data } = await watcher.next()
    expect(data).toMatchObject({
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      totals: { connections: 3, orgs: 2, nodes: 2 },
      store: { epoch: expect.stringMatching(/^[0-9a-f]+t\d+$/), recoveryMs: 0, answeredInMs: expect.any(Number) },
      orgs: [
        { orgId: 'acme', currentCount: 2, maxAllowed: 2 },
        { orgId: 'globex', currentCount: 1, maxAllowed: 4 },
      ],
    })
    expect(data.nodes.map(({ name }: { name: string }) => name).sort()).toEqual(['node-1', 'node-2'])
    const refused = await connectGateway(fleet.urls[0]!, { key: fleet.keyOf('acme') })
    expect(refused).toMatchObject({ accepted: false, status: 429 })
    await until(() => watcher.events.some((event) => event.data.refusals.length > 0), { withinMs: 10_000 })
    const told = watcher.events.flatMap((event) => event.data.refusals)
    expect(told).toMatchObject([{ orgId: 'acme', node: 'node-1', currentCount: 2, maxAllowed: 2 }])
    await until(() => watcher.events.some((event) => event.data.totals.refusedPerSecond > 0), { withinMs: 10_000 })
  })

  test('50 who watch cost Redis what one costs, and nobody nothing', async () => {
    const first = await watch(0)
    const one = await askedWithin(first, 4)
    const many = [first]
    for (let n = 1; n < 50; n++) many.push(await watch(0))
    const fifty = await askedWithin(first, 4)
    // Of two streams, one question for each of the four, and for the one under way on either side.
    for (const stats of [one, fifty]) expect(stats.xrevrange).toBeLessThanOrEqual(12)
    const sum = (stats: Record<string, number>) => Object.values(stats).reduce((total, calls) => total + calls, 0)
    expect(sum(fifty)).toBeLessThan(2 * sum(one))
    await Promise.all(many.map((watcher) => until(() => watcher.events.length >= 2, { withinMs: 10_000 })))
    for (const watcher of many) watcher.leave()
    let before = await asked()
    const isQuiet = async () => {
      const now = await asked()
      if (now.xrevrange !== before.xrevrange) before = now
      // Two nodes renew twice a second each.
      return now.evalsha! - before.evalsha! > 10
    }
    await until(isQuiet, { withinMs: 15_000, what: 'nothing is asked for nobody while the nodes renew for seconds' })
  })

  test('as many as the node takes, and no more: 503', async () => {
    const watchers: Watcher[] = []
    for (let n = 0; n < 101; n++) watchers.push(await watch(1))
    expect(watchers.map(({ status }) => status).filter((status) => status === 503)).toHaveLength(1)
    watchers[0]!.leave()
    await until(async () => {
      const next = await watch(1)
      return next.status === 200
    })
  })

  test('who asks for the head alone takes no viewer’s place', async () => {
    const { adminUrl, adminToken } = fleet.nodes[0]!
    const init = { method: 'HEAD', headers: { authorization: `Bearer ${adminToken}` } }
    for (let n = 0; n < 100; n++) expect((await fetch(`${adminUrl}/admin/v1/events`, init)).status).toBe(200)
    expect((await watch(0)).status).toBe(200)
  })

  test('of streams that wait behind each other on one connection none stays when it is closed', async () => {
    const { adminUrl, adminToken } = fleet.nodes[0]!
    const viewers = async () =>
      /^headcount_event_viewers (\d+)/m.exec(await (await fetch(`${adminUrl}/metrics`)).text())?.[1]
    await until(async () => (await viewers()) === '0')
    const request = `GET /admin/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`
    const client = new RawClient(Number(new URL(adminUrl).port)).send(request.repeat(4))
    await until(() => client.received.includes('event: snapshot'))
    expect(await viewers()).toBe('4')
    client.reset()
    await until(async () => (await viewers()) === '0', { withinMs: 5_000 })
  })

  test('who reads nothing holds up nobody', async () => {
    const [stalled, lively] = [await watch(0), await watch(0)]
    stalled.stall()
    for (let n = 0; n < 3; n++) await lively.next()
  })
})

test('R2: a store that is away is told, and its return', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const own = await startFleet({ count: 1, redis })
  onTestFinished(() => own.stop())
  const watcher = await watch(0, own)
  await watcher.next()
  await redis.pause()
  expect((await watcher.next('unavailable')).data).toMatchObject({ cause: expect.any(String) })
  await redis.resume()
  await watcher.next()
})

test('L4: a node that stops ends its streams in order, although they would go on for ever', async () => {
  const own = await startFleet({ count: 1 })
  onTestFinished(() => own.stop())
  const watchers = [await watch(0, own), await watch(0, own)]
  for (const watcher of watchers) await watcher.next()
  own.nodes[0]!.kill('SIGTERM')
  expect(await own.nodes[0]!.exited).toMatchObject({ code: 0 })
  await until(() => watchers.every(({ ended }) => ended !== undefined))
  expect(watchers.map(({ ended }) => ended)).toEqual(['clean', 'clean'])
})
