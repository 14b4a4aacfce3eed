import { describe, expect, test } from 'vitest'
import { type HostileNode, hello, startHostileNode } from '../support/hostile-node.js'
import { hostileStorm } from '../support/hostile-storm.js'
import { leakGate } from '../support/leak-gate.js'
import { seededRandom } from '../support/misbehave.js'
import { RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

type Deed = readonly [name: string, (client: RawClient) => void]

const GARBAGE = Buffer.alloc(1_000, 0xff)
const CLOSE_FRAME = Buffer.from([0x88, 0x80, 0, 0, 0, 0])

/** What a client may do at any moment of its life. */
const leavings: Deed[] = [
  ['resets TCP', (client) => client.reset()],
  ['sends FIN', (client) => client.fin()],
  ['sends garbage', (client) => void client.send(GARBAGE)],
]

/** Refused handshakes, with the answer each must get. */
const faults: [string, string, number][] = [
  ['a bad key', hello({ 'Sec-WebSocket-Key': 'bad' }), 400],
  ['no key', hello({ 'Sec-WebSocket-Key': undefined }), 400],
  ['a bad version', hello({ 'Sec-WebSocket-Version': '12' }), 426],
  ['another protocol', hello({ Upgrade: 'h2c' }), 426],
  ['a POST', hello().replace('GET', 'POST'), 400],
]

/** What a busy machine may be late. */
const LATE_MS = 1_500

const FEW = Array.from({ length: 5 })

async function openOf(node: HostileNode, text = hello()): Promise<RawClient[]> {
  return FEW.map(() => new RawClient(node.server.port).send(text))
}

/** The good client of a storm is in this busy process too, and should not be blamed for being slow to answer pings. */
const CALM = { pongTimeout: '30s' }

describe('L1, L6: hostile clients on a real node: no crash, no slot kept, no socket kept', () => {
  test('before the admission: half a handshake, or none that is good', async () => {
    const node = await startHostileNode()
    // Asked for while Redis answers nobody: what is refused here was refused without asking for a slot.
    await node.holdDecisions()
    for (const [name, leave] of leavings) {
      const clients = await openOf(node, hello().slice(0, 70))
      await until(async () => (await node.vitals.now()).sockets === clients.length, { what: `${name}: connected` })
      for (const client of clients) leave(client)
      await node.settled(0)
      for (const client of clients) client.reset()
    }
    for (const [name, text, status] of faults) {
      const clients = await openOf(node, text)
      await until(() => clients.every((client) => client.status === status), { what: `${name} is answered ${status}` })
      await node.settled(0)
      for (const client of clients) client.reset()
    }
    await node.resume()
    await node.healthy()
  })

  test('during the admission, while Redis is paused', async () => {
    const node = await startHostileNode()
    for (const [, leave] of [...leavings, ['stays and says nothing', () => {}] satisfies Deed]) {
      await node.holdDecisions()
      const clients = await openOf(node)
      await until(async () => (await node.connections()) === clients.length, { what: 'the decisions are pending' })
      for (const client of clients) leave(client)
      await node.resume()
      await node.settled(0)
      for (const client of clients) client.reset()
    }
    await node.healthy()
  })

  test('a request ahead of the upgrade, on the same connection and in the same packet', async () => {
    const node = await startHostileNode()
    const clients = await openOf(node, `GET / HTTP/1.1\r\nHost: localhost\r\n\r\n${hello()}`)
    await until(() => clients.every((client) => client.status === 404))
    await node.settled(0)
    for (const client of clients) client.reset()
    await node.healthy()
  })

  test('a decision that never comes is answered 503 within 3 s, and what it took is given back', async () => {
    const node = await startHostileNode({ env: { HEADCOUNT_STORE_TIMEOUT: '2s' } })
    await node.holdDecisions()
    const startMs = performance.now()
    const clients = await openOf(node)
    await until(() => clients.every((client) => client.status === 503 && client.ended))
    expect(performance.now() - startMs).toBeLessThan(3_000 + LATE_MS)
    expect(clients[0]!.received).toContain('STORE_UNAVAILABLE')
    await node.resume()
    await node.settled(0)
    for (const client of clients) client.reset()
    await until(() => node.healthy())
  })

  test('after the admission', async () => {
    const node = await startHostileNode()
    const deeds: Deed[] = [
      ...leavings,
      ['sends an unmasked frame', (client) => void client.send(Buffer.from([0x81, 0x01, 0x41]))],
      ['sends a close frame and no FIN', (client) => void client.send(CLOSE_FRAME)],
      ['sends half a frame', (client) => void client.send(Buffer.from([0x82, 0xfe, 0x10]))],
      ['says nothing at all', () => {}],
    ]
    const all: RawClient[] = []
    for (const [name, leave] of deeds) {
      const clients = await openOf(node)
      const acknowledged = () => clients.every((client) => client.received.includes('connection.ack'))
      await until(acknowledged, { what: `${name}: admitted` })
      for (const client of clients) leave(client)
      all.push(...clients)
    }
    await node.settled(0)
    for (const client of all) client.reset()
    await node.healthy()
  })

  test('a client that connects and says nothing, or stops in mid-handshake, is cut off by the server', async () => {
    const node = await startHostileNode()
    const silent = await openOf(node, '')
    const stuck = await openOf(node, hello().slice(0, 90))
    await until(async () => (await node.vitals.now()).sockets === silent.length + stuck.length)
    await node.settled(0, 20_000)
    for (const client of [...silent, ...stuck]) client.reset()
    await node.healthy()
  })

  const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

  test(`1,500 at random moments (seed ${SEED}): no growth of memory or listeners, a good client undisturbed`, async () => {
    await hostileStorm(await startHostileNode(CALM), 1_500, seededRandom(SEED))
  }, 60_000)
})

describe('control: these tests can fail', () => {
  test('the books show a client that is still there', async () => {
    const node = await startHostileNode({ pongTimeout: '20s' })
    const enter = async () => {
      const client = new RawClient(node.server.port).send(hello())
      await until(() => client.received.includes('connection.ack'))
      await node.settled(1)
      return client
    }
    // One before, so that nothing of the start, nor of what only the first connection needs, is counted.
    ;(await enter()).reset()
    await node.settled(0)
    const before = await node.vitals.heap()
    const client = await enter()
    // So long that a busy machine has looked once.
    await expect(node.settled(0, 1_500)).rejects.toThrow('"sockets":1,"connections":1,"slots":2')
    const during = await node.vitals.heap()
    // Its request is forgotten once it is open; what stands for it is still there to be seen.
    expect(during.requests).toBe(before.requests)
    expect(during.functions).toBeGreaterThan(before.functions)
    client.reset()
    await node.settled(0)
  })
})
