import { expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { type ServerProcess, startServer } from '../support/processes.js'
import { RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'
import { VitalsProbe } from '../support/vitals.js'
import { watchEvents } from '../support/watch-events.js'

leakGate()

/** As many requests as the node reads at once. */
function packetOf(request: string): string {
  return request.repeat(Math.floor(65_000 / request.length))
}

const METRICS = 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'
const STYLE = 'GET /dashboard/style.css HTTP/1.1\r\nHost: a\r\n\r\n'
/** What a process moves by on its own, where one unread packet of those would cost it some 20 MB. */
const MAY_GROW_BYTES = 15_000_000

/** Clients that send this and read nothing, from now on. */
function unread(port: number, bytes: string, count: number): RawClient[] {
  return Array.from({ length: count }, () => {
    const client = new RawClient(port).send(bytes)
    client.socket.pause()
    onTestFinished(async () => {
      client.reset()
      await client.closed
    })
    return client
  })
}

async function startSmall(): Promise<{ node: ServerProcess; vitals: VitalsProbe }> {
  const vitals = new VitalsProbe()
  const NODE_OPTIONS = `${vitals.env.NODE_OPTIONS} --max-old-space-size=256`
  const node = await startServer({ env: { ...vitals.env, NODE_OPTIONS, HEADCOUNT_LOG_LEVEL: 'warn' } })
  onTestFinished(() => node.stop())
  return { node, vitals }
}

test.each([
  ['/metrics', METRICS],
  ['the dashboard', STYLE],
  ['requests without a host', 'GET / HTTP/1.1\r\n\r\n'],
])(
  'L6: packets of requests for %s by 40 clients that read nothing end their connections, not the process',
  async (_name, request) => {
    const { node, vitals } = await startSmall()
    const before = await vitals.collected()
    unread(node.adminPort, packetOf(request), 40)
    await until(async () => (await vitals.now()).adminSockets > before.adminSockets, { what: 'they have come' })
    await until(async () => !node.running() || (await vitals.now()).adminSockets <= before.adminSockets, {
      withinMs: 25_000,
      what: 'none is left',
    })
    expect(node.running()).toBe(true)
    const after = await vitals.collected()
    expect(after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes).toBeLessThan(MAY_GROW_BYTES)
    expect(after.warnings).toEqual([])
    expect(await (await fetch(`${node.adminUrl}/metrics`)).text()).toContain('headcount_connections 0')
  },
)

test.each([
  ['no upgrades', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no upgrades and expect the unknown', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: b\r\n\r\n'],
])('L6: nor on the public listener, where they are %s', async (_name, request) => {
  const { node, vitals } = await startSmall()
  const clients = unread(node.port, packetOf(request), 20)
  await until(() => clients.every(({ socket }) => socket.bytesWritten > 60_000), { what: 'they have sent all' })
  await until(async () => (await vitals.now()).sockets === 0, { withinMs: 25_000, what: 'none is left' })
  const [first] = clients
  first!.socket.resume()
  await until(() => first!.ended)
  expect(first!.received.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1)
})

test('L4: clients of the admin listener that read nothing, ask nothing, or half a question hold up no stop', async () => {
  const { node, vitals } = await startSmall()
  const watcher = await watchEvents(node)
  onTestFinished(() => watcher.leave())
  await watcher.next()
  watcher.stall()
  const before = await vitals.now()
  for (const sent of [STYLE.repeat(4), STYLE.slice(0, 20), '']) unread(node.adminPort, sent, 10)
  await until(async () => (await vitals.now()).adminSockets >= before.adminSockets + 30, { what: 'they have come' })
  const startMs = performance.now()
  node.kill('SIGTERM')
  expect(await node.exited).toMatchObject({ code: 0 })
  expect(performance.now() - startMs).toBeLessThan(10_000)
})
