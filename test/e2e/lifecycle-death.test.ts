import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, MORTAL, MORTAL_MS, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { OpenConnections, untilBooksAgree } from '../support/open-connections.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { RedisMonitor } from '../support/redis-monitor.js'
import { until } from '../support/until.js'
import { watch } from '../support/watch.js'

leakGate()

async function open(clients: OpenConnections, fleet: Fleet, node: number, org: string): Promise<Accepted> {
  const result = await connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org) })
  if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
  clients.add(org, result)
  return result
}

async function openMany(clients: OpenConnections, fleet: Fleet, node: number, org: string, count: number) {
  return Promise.all(Array.from({ length: count }, () => open(clients, fleet, node, org)))
}

let mutes: RawClient[] = []

afterEach(async () => {
  for (const mute of mutes) mute.reset()
  await Promise.all(mutes.map(({ closed }) => closed))
  mutes = []
})

/** A client that completes the handshake and never says a word again, whatever it is told: not even its own FIN. */
async function openMute(fleet: Fleet, node: number, org: string): Promise<RawClient> {
  const client = new RawClient(fleet.nodes[node]!.port)
  mutes.push(client)
  client.send(handshake({ 'api-key': fleet.keyOf(org) }))
  await until(() => client.received.includes('connection.ack'), { what: 'a mute client is acknowledged' })
  return client
}

describe('L2: kill -9 of a node that holds all slots', () => {
  let fleet: Fleet
  const clients = new OpenConnections()

  beforeAll(async () => {
    fleet = await startFleet({ env: MORTAL })
  })
  afterAll(() => fleet?.stop())

  test('its slots are free when its lease has run out and one renewal has come, and no sooner', async () => {
    await openMany(clients, fleet, 0, 'acme', 3)
    const survivors = await openMany(clients, fleet, 1, 'globex', 2)
    const lease = await fleet.books.leaseOf('node-1')
    fleet.nodes[0]!.kill('SIGKILL')
    await fleet.nodes[0]!.exited
    // Read when it is dead: nothing renews this any more.
    const expiryMs = await fleet.books.expiryMs(lease)

    let attempts = 0
    const first = await until(
      async () => {
        attempts++
        const result = await connectGateway(fleet.urls[1 + (attempts % 2)]!, { key: fleet.keyOf('acme') })
        if (result.accepted) return result
        expect(result).toMatchObject({ status: 429, body: { currentCount: 3, maxAllowed: 3 } })
        return undefined
      },
      { withinMs: 10_000, what: 'a slot of the dead node is free' },
    )
    const freeAtMs = await fleet.books.nowMs()
    clients.add('acme', first)
    expect(attempts, 'refusals before the lease had run out').toBeGreaterThan(3)
    expect(freeAtMs).toBeGreaterThanOrEqual(expiryMs)
    expect(freeAtMs).toBeLessThan(expiryMs + MORTAL_MS.renewInterval + MORTAL_MS.jitter + 1_000)

    await openMany(clients, fleet, 2, 'acme', 2)
    expect(await connectGateway(fleet.urls[1]!, { key: fleet.keyOf('acme') })).toMatchObject({ status: 429 })
    // Swept, not only passed over: the sets are the open connections, and nothing of the dead lease is left.
    await untilBooksAgree(fleet.books, clients)
    await until(async () => !(await fleet.books.names()).includes(`{0}:conns:${lease}`))
    expect(survivors.every(({ ws }) => ws.readyState === ws.OPEN)).toBe(true)
    expect(clients.closedByServer.map(({ org, code }) => ({ org, code }))).toEqual(
      Array(3).fill({ org: 'acme', code: 1006 }),
    )
    await clients.closeAll()
    await untilBooksAgree(fleet.books, clients)
  })
})

describe('L4: SIGTERM', () => {
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet({ count: 2, orgs: ['acme', 'globex', 'mute'], env: { HEADCOUNT_DRAIN_TIME: '4s' } })
  })
  afterAll(() => fleet?.stop())

  test('clients are told 1012, each slot is free as its socket closes, the lease is given up last, exit 0', async () => {
    const clients = new OpenConnections()
    const [leaving, staying] = fleet.nodes
    const told = await openMany(clients, fleet, 0, 'acme', 2)
    const mute = await openMute(fleet, 0, 'acme')
    const others = await openMany(clients, fleet, 1, 'globex', 2)
    const lease = await fleet.books.leaseOf('node-1')
    const monitor = await RedisMonitor.start(fleet.redis.url)
    const seen: { live: boolean; slots: number }[] = []
    const watching = watch(async () => {
      const [live, slots] = (await fleet.books.redis.eval(
        "return {redis.call('HEXISTS', KEYS[1], ARGV[1]), redis.call('ZCOUNT', KEYS[2], ARGV[1], ARGV[1])}",
        2,
        fleet.books.keys.admission,
        fleet.books.keys.scope({ name: 'org', id: 'acme' }),
        lease,
      )) as [number, number]
      seen.push({ live: live === 1, slots })
    })
    const startMs = performance.now()
    leaving!.kill('SIGTERM')

    const closings = await Promise.all(told.map(({ closed }) => closed))
    expect(closings).toEqual(Array(2).fill({ code: 1012, reason: 'node is shutting down, reconnect' }))
    // The mute one still holds its socket, and so its slot: exactly the two that have closed are free.
    await until(async () => (await fleet.books.count('acme')) === 1)
    expect(leaving!.running()).toBe(true)
    expect(await connectGateway(leaving!.url, { key: fleet.keyOf('globex') })).toMatchObject({
      ...{ status: 503, body: { code: 'DRAINING' } },
    })
    await openMany(clients, fleet, 1, 'acme', 2)
    expect(await connectGateway(staying!.url, { key: fleet.keyOf('acme') })).toMatchObject({
      ...{ status: 429, body: { currentCount: 3 } },
    })

    await until(() => mute.ended, { what: 'the node has ended the mute connection' })
    expect(mute.received, 'the close frame with 1012').toContain('\x03\xf4node is shutting down')
    expect(await leaving!.exited).toEqual({ code: 0, signal: null })
    expect(performance.now() - startMs).toBeLessThan(4_000)
    await watching.stop()
    monitor.stop()
    expect(
      seen.filter(({ live, slots }) => !live && slots > 0),
      'slots under a lease that was given up',
    ).toEqual([])
    expect(seen.some(({ live, slots }) => live && slots === 1)).toBe(true)
    const mine = monitor.calls.filter((call) => call.lease === lease).map(({ verb }) => verb)
    expect(mine.filter((verb) => verb === 'release').length).toBeGreaterThanOrEqual(2)
    expect(mine.at(-1)).toBe('leave')
    expect(await fleet.books.isLive(lease)).toBe(false)
    const { nodes } = await staying!.admin<{ nodes: { name: string }[] }>('/admin/v1/nodes')
    expect(nodes.map(({ name }) => name)).toEqual(['node-2'])
    expect(others.every(({ ws }) => ws.readyState === ws.OPEN)).toBe(true)
    await openMany(clients, fleet, 1, 'acme', 1)
    await clients.closeAll()
    await untilBooksAgree(fleet.books, clients)
  })
})

/** With what is seen late still shorter than the wait for a client's goodbye, 2 s. */
const DRAIN_MS = 1_500
/** What lies between the signal and its handler, and between the end of the process and whoever waits for it. */
const SEEN_LATE_MS = 400

describe('L4: SIGTERM among clients that never answer', () => {
  let fleet: Fleet

  beforeAll(async () => {
    const env = { ...MORTAL, WS_MAX_CONNECTIONS_PER_ORG: '20', HEADCOUNT_DRAIN_TIME: `${DRAIN_MS}ms` }
    fleet = await startFleet({ count: 5, orgs: ['mute'], env })
  })
  afterAll(() => fleet?.stop())

  test('the drain time holds although it is shorter than the wait for a goodbye', async () => {
    await Promise.all(Array.from({ length: 20 }, () => openMute(fleet, 0, 'mute')))
    // Half of them do not even read.
    for (const mute of mutes.slice(10)) mute.socket.pause()
    const lease = await fleet.books.leaseOf('node-1')
    const startMs = performance.now()
    fleet.nodes[0]!.kill('SIGTERM')
    expect(await fleet.nodes[0]!.exited).toEqual({ code: 0, signal: null })
    expect(performance.now() - startMs).toBeLessThan(DRAIN_MS + SEEN_LATE_MS)
    expect(await fleet.books.total()).toBe(0)
    expect(await fleet.books.isLive(lease)).toBe(false)
  })

  test('a frozen Redis does not keep it either', async () => {
    await Promise.all(Array.from({ length: 5 }, () => openMute(fleet, 2, 'mute')))
    await fleet.redis.pause()
    const startMs = performance.now()
    fleet.nodes[2]!.kill('SIGTERM')
    const exit = await fleet.nodes[2]!.exited
    const tookMs = performance.now() - startMs
    await fleet.redis.resume()
    expect(exit).toEqual({ code: 0, signal: null })
    expect(tookMs).toBeLessThan(DRAIN_MS + SEEN_LATE_MS)
    await until(async () => (await fleet.books.total()) === 0, { withinMs: 8_000, what: 'the dead are swept' })
  })

  test('a terminal that closes stops it in order, however often it says so', async () => {
    await Promise.all(Array.from({ length: 5 }, () => openMute(fleet, 4, 'mute')))
    const told = mutes.slice(-5)
    const lease = await fleet.books.leaseOf('node-5')
    fleet.nodes[4]!.kill('SIGHUP')
    await until(() => told.every(({ received }) => received.includes('shutting down')), { what: 'all are told' })
    fleet.nodes[4]!.kill('SIGHUP')
    expect(await fleet.nodes[4]!.exited).toEqual({ code: 0, signal: null })
    expect(await fleet.books.isLive(lease)).toBe(false)
  })

  test('a second signal ends it at once; its lease is left to run out', async () => {
    await Promise.all(Array.from({ length: 20 }, () => openMute(fleet, 1, 'mute')))
    const lease = await fleet.books.leaseOf('node-2')
    fleet.nodes[1]!.kill('SIGTERM')
    await until(() => mutes.every(({ received }) => received.includes('shutting down')), { what: 'all are told' })
    const startMs = performance.now()
    fleet.nodes[1]!.kill('SIGTERM')
    expect(await fleet.nodes[1]!.exited).toEqual({ code: 1, signal: null })
    expect(performance.now() - startMs).toBeLessThan(500)
    expect(await fleet.books.isLive(lease)).toBe(true)
    const full = await connectGateway(fleet.urls[3]!, { key: fleet.keyOf('mute') })
    expect(full).toMatchObject({ status: 429, body: { currentCount: 20 } })
    await until(async () => (await fleet.books.total()) === 0, { withinMs: 8_000, what: 'the dead are swept' })
  })
})
