import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import type { Admitted } from '../../src/core/admission.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

type Leave = (client: RawClient) => void
const reset: Leave = (client) => client.reset()
const fin: Leave = (client) => client.fin()
const ways: [string, Leave][] = [
  ['reset', reset],
  ['FIN', fin],
]

describe('L1, L6: clients that go the wrong way leave no slot and no socket', () => {
  test.each(ways)('%s in the middle of the handshake', async (_name, leave) => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter)
    const client = new RawClient(gate.port).send(handshake().slice(0, 60))
    await until(async () => (await gate.openSockets()) === 1)
    leave(client)
    await allGone(gate, admitter)
    expect(admitter.requests).toEqual([])
  })

  test.each(ways)('%s straight behind the handshake, 50 times', async (_name, leave) => {
    const admitter = new CountingAdmitter({ limit: 1_000 })
    const gate = await startGate(admitter)
    for (let n = 0; n < 50; n++) {
      const client = new RawClient(gate.port)
      client.socket.once('connect', () => leave(client.send(handshake())))
      await until(() => client.socket.destroyed || client.ended)
    }
    await allGone(gate, admitter)
  })

  describe.each([true, false])('while the slot is being asked for (the node heeds the abort: %s)', (heedsAbort) => {
    test.each(ways)('%s: the socket goes at once, the slot as soon as it is known', async (_name, leave) => {
      const admitter = new CountingAdmitter({ limit: 1_000, heedsAbort })
      const gate = await startGate(admitter, { upgradeTimeoutMs: 60_000 })
      const go = admitter.hold()
      const clients = Array.from({ length: 50 }, () => new RawClient(gate.port).send(handshake()))
      await until(() => admitter.waiting === 50)
      for (const client of clients) leave(client)
      await until(() => gate.gate.count() === 0)
      expect(admitter.count).toBe(50)
      go()
      await allGone(gate, admitter)
    })
  })

  test('a client that stops reading and floods while it waits is gone by the deadline', async () => {
    const admitter = new CountingAdmitter({ heedsAbort: false })
    const gate = await startGate(admitter, { upgradeTimeoutMs: 300 })
    const go = admitter.hold()
    const client = new RawClient(gate.port).send(handshake() + 'x'.repeat(4_000_000))
    client.socket.pause()
    await until(() => admitter.waiting === 1)
    client.reset()
    await until(() => gate.gate.count() === 0)
    go()
    await allGone(gate, admitter)
  })

  test('a refused client that never reads nor closes is cut off', async () => {
    const admitter = new CountingAdmitter({ limit: 0 })
    const gate = await startGate(admitter)
    const client = new RawClient(gate.port)
    client.socket.pause()
    // Bytes behind the handshake make the gate wait for the client's end, which never comes.
    client.send(`${handshake()}too early`)
    await until(() => gate.gate.count('refused') === 1)
    await allGone(gate, admitter)
    client.reset()
  })

  test.each([
    ['a reset', reset],
    ['FIN', fin],
    ['a broken frame', (client: RawClient) => client.send(Buffer.from([0xff, 0xff, 0xff, 0xff]))],
    ['an unmasked frame', (client: RawClient) => client.send(Buffer.from([0x81, 0x01, 0x41]))],
    ['a close frame and no FIN', (client: RawClient) => client.send(Buffer.from([0x88, 0x80, 0, 0, 0, 0]))],
    ['half a frame and silence', (client: RawClient) => client.send(Buffer.from([0x82, 0xfe, 0x10]))],
    ['nothing at all', () => {}],
  ] as [string, Leave][])('%s after the ack frees the slot', async (_name, leave) => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { pongTimeoutMs: 1_500 })
    const client = new RawClient(gate.port).send(handshake())
    await until(() => client.received.includes('connection.ack'))
    leave(client)
    await allGone(gate, admitter)
    client.reset()
  })

  test('a ping flood by a client that reads nothing ends that client only', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { pongTimeoutMs: 5_000 })
    const good = await connectGateway(gate.url, { key: 'acme' })
    if (!good.accepted) throw new Error('refused')
    const client = new RawClient(gate.port).send(handshake())
    await until(() => client.received.includes('connection.ack'))
    client.socket.pause()
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)])
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => ping))
    client.socket.on('drain', () => client.send(pings))
    client.send(pings)
    await until(() => admitter.count === 1, { withinMs: 10_000 })
    expect(good.ws.readyState).toBe(good.ws.OPEN)
    client.reset()
    await good.close()
    await allGone(gate, admitter)
  })
})

describe('many at random moments', () => {
  const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const CLIENTS = 1_500
  // More at once would overflow the kernel's accept queue, and then the test measures its retries of SYN.
  const AT_ONCE = 25

  test(`${CLIENTS} hostile clients, seed ${SEED}: no crash, nothing left, a good client undisturbed`, async () => {
    const warnings: Error[] = []
    const warned = (warning: Error) => void warnings.push(warning)
    process.on('warning', warned)
    onTestFinished(() => void process.off('warning', warned))
    const random = seededRandom(SEED)
    const admitter = new CountingAdmitter({ limit: 1_000_000, heedsAbort: false })
    const gate = await startGate(admitter, { pongTimeoutMs: 5_000 })
    const good = await connectGateway(gate.url, { key: 'good' })
    if (!good.accepted) throw new Error('refused')
    let holding = true
    const holds = (async () => {
      while (holding) {
        const go = admitter.hold()
        await later(random() * 20)
        go()
        await later(random() * 5)
      }
    })()
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let n = 0; n < CLIENTS / AT_ONCE; n++) await misbehave(gate.port, random)
      }),
    )
    holding = false
    await holds
    await until(() => gate.gate.count() === 1 && admitter.count === 1, { what: 'only the good client is left' })
    expect(good.ws.readyState).toBe(good.ws.OPEN)
    expect(gate.faults).toEqual([])
    expect(warnings).toEqual([])
    await good.close()
    await allGone(gate, admitter)
  })
})

describe('control: these tests can fail', () => {
  test('a server that gives the slot back when ws says close leaks all that vanish while it decides', async () => {
    const admitter = new CountingAdmitter({ limit: 1_000, heedsAbort: false })
    const wss = new WebSocketServer({ noServer: true })
    const server = createServer()
    server.on('upgrade', async (request, socket, head) => {
      socket.on('error', () => {})
      const { release } = (await admitter.admit({ org: 'acme' })) as Admitted
      wss.handleUpgrade(request, socket, head, (ws) => ws.on('close', release))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const go = admitter.hold()
    const clients = Array.from({ length: 5 }, () =>
      new RawClient((server.address() as AddressInfo).port).send(handshake()),
    )
    await until(() => admitter.waiting === 5)
    for (const client of clients) client.reset()
    await Promise.all(clients.map(({ closed }) => closed))
    go()
    await until(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count === 0))))
    expect(admitter.count).toBe(5)
  })
})

/** One client that does one wrong thing at a random moment, and is gone when this resolves. */
async function misbehave(port: number, random: () => number): Promise<void> {
  const text = random() < 0.2 ? handshake({ 'Sec-WebSocket-Key': 'bad' }) : handshake()
  const client = new RawClient(port)
  client.send(random() < 0.2 ? text.slice(0, Math.floor(random() * text.length)) : text)
  await later(random() * 30)
  if (random() < 0.2) client.send(Buffer.alloc(Math.floor(random() * 100_000), 0xff))
  if (random() < 0.3) {
    client.fin()
    await later(random() * 30)
  }
  client.reset()
  await client.closed
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Park and Miller's generator: the same seed makes the same choices (though not the same timing). */
function seededRandom(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
