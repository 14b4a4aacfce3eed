import { describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { systemClock } from '../../src/core/clock.js'
import type { GateOptions } from '../../src/gate/gate-options.js'
import { adoptedSockets } from '../../src/gate/ws-gate.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, type GateServer, startGate } from '../support/gate-server.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { frame, handshake, RawClient } from '../support/raw-client.js'
import { visitAsBrowser } from '../support/told-inside.js'
import { until } from '../support/until.js'

leakGate()

const ORIGIN = 'https://app.example'
const FULL = 'ORG_CONNECTION_LIMIT_EXCEEDED'

async function fullGate(options: Partial<GateOptions> = {}): Promise<[GateServer, CountingAdmitter]> {
  const admitter = new CountingAdmitter({ limit: 0 })
  return [await startGate(admitter, { reject: 'auto', random: () => 0.5, ...options }), admitter]
}

const asHttp = (url: string, headers: Record<string, string> = {}) => connectGateway(url, { key: 'acme', headers })

describe('a refusal of a client that cannot see a status', () => {
  test('is a frame with all that the problem document has, and a close code; no slot is taken for it', async () => {
    const [gate, admitter] = await fullGate()
    const { opened, frames, close } = await visitAsBrowser(gate.url)
    expect(opened).toBe(true)
    expect(frames).toEqual([
      {
        ...{ type: 'error', code: FULL, currentCount: 0, maxAllowed: 0, retryAfterSeconds: 5 },
        instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/),
      },
    ])
    expect(close).toEqual({ code: 4429, reason: FULL })
    expect(admitter.count).toBe(0)
    await allGone(gate, admitter)
  })

  test('under auto only where there is an Origin; under http never; under close always', async () => {
    const [auto] = await fullGate()
    expect(await asHttp(auto.url)).toMatchObject({ status: 429, body: { code: FULL } })
    const [http] = await fullGate({ reject: 'http' })
    expect(await asHttp(http.url, { origin: ORIGIN })).toMatchObject({ status: 429, body: { code: FULL } })
    const [close] = await fullGate({ reject: 'close' })
    expect((await visitAsBrowser(close.url, { origin: undefined })).close.code).toBe(4429)
  })

  test('http is the default', async () => {
    const gate = await startGate(new CountingAdmitter({ limit: 0 }))
    expect(await asHttp(gate.url, { origin: ORIGIN })).toMatchObject({ status: 429 })
  })

  test.each<[string, number, Partial<GateOptions>, string?]>([
    ['UNAUTHENTICATED', 4401, {}, 'nobody'],
    ['ORG_DISABLED', 4403, {}, 'disabled'],
    ['NODE_CAPACITY_EXCEEDED', 1013, { maxConnections: 0 }],
    ['CONNECTION_RATE_LIMIT_EXCEEDED', 4429, { rates: { perAddress: 0 } }],
    ['ADMISSION_UNDECIDED', 1013, { upgradeTimeoutMs: 50, identify: () => new Promise(() => {}) }],
  ])('%s closes with %i', async (code, close, options, key = 'acme') => {
    const [gate, admitter] = await fullGate(options)
    const told = await visitAsBrowser(gate.url, { key })
    expect(told).toMatchObject({ frames: [{ type: 'error', code }], close: { code: close, reason: code } })
    await allGone(gate, admitter)
  })

  test('a node that drains closes with 1012, as it does with open connections', async () => {
    const [gate, admitter] = await fullGate()
    await gate.gate.closeAll('DRAINING', { withinMs: 1_000 })
    expect((await visitAsBrowser(gate.url)).close).toEqual({ code: 1012, reason: 'DRAINING' })
    await allGone(gate, admitter)
  })

  test.each([
    [404, handshake({ Origin: ORIGIN }, 'GET /elsewhere HTTP/1.1')],
    [400, handshake({ Origin: ORIGIN, 'Sec-WebSocket-Key': 'short' })],
    [426, handshake({ Origin: ORIGIN, 'Sec-WebSocket-Version': '8' })],
  ])('without a handshake to complete it stays the status %i', async (status, request) => {
    const [gate, admitter] = await fullGate()
    const client = new RawClient(gate.port).send(request)
    await until(() => client.ended)
    expect(client.status).toBe(status)
    client.reset()
    await allGone(gate, admitter)
  })

  test('a subprotocol that was asked for is agreed to, without which browsers give up before they read', async () => {
    const [gate, admitter] = await fullGate()
    expect((await visitAsBrowser(gate.url, { protocols: ['v2', 'v1'] })).close.code).toBe(4429)
    await allGone(gate, admitter)
  })
})

describe('S1, L6: being told inside costs nobody a slot and holds nothing up', () => {
  test('of 40 at one instant 3 stay and 37 are told why', async () => {
    const admitter = new CountingAdmitter({ limit: 3 })
    const gate = await startGate(admitter, { reject: 'auto' })
    const visits = Array.from({ length: 40 }, () => visitAsBrowser(gate.url))
    await until(() => gate.gate.count() === 3 && admitter.requests.length === 40)
    expect(admitter.count).toBe(3)
    gate.gate.destroy()
    const codes = (await Promise.all(visits)).map(({ close }) => close.code)
    expect(codes.filter((code) => code === 4429)).toHaveLength(37)
    await allGone(gate, admitter)
  })

  test.each([
    ['that goes on as if nothing had been said', Buffer.from([0x89, 0x80, 0, 0, 0, 0])],
    ['that answers with nonsense', Buffer.from([0xff, 0xff])],
  ])('a peer %s is cut off within 2 s', async (_, bytes) => {
    const [gate, admitter] = await fullGate()
    const client = new RawClient(gate.port).send(handshake({ Origin: ORIGIN }))
    await until(() => client.received.includes(FULL))
    expect([client.status, gate.gate.count('refused')]).toEqual([101, 1])
    client.send(bytes)
    await until(() => client.ended)
    client.reset()
    await allGone(gate, admitter)
  })

  test('who sends fragments without end, or much, is not listened to; it has been told', async () => {
    // Its deadline never comes.
    const [gate, admitter] = await fullGate({ clock: new ManualClock() })
    const hello = Buffer.from(handshake({ Origin: ORIGIN }))
    const fragments = Buffer.concat(
      Array.from({ length: 100 }, (_, i) => frame(i === 0 ? 0x02 : 0x00, Buffer.alloc(1))),
    )
    for (const sent of [fragments, frame(0x82, Buffer.alloc(2_000))]) {
      const client = new RawClient(gate.port).send(Buffer.concat([hello, sent]))
      await until(() => client.ended, { withinMs: 5_000, what: 'the gate has had enough' })
      expect(client.received).toContain(`\x11\x4d${FULL}`)
      client.reset()
    }
    await allGone(gate, admitter)
  })

  test('more of those than may wait, four times the undecided, are cut off at once', async () => {
    const [gate, admitter] = await fullGate({ maxPendingUpgrades: 1 })
    const deaf = [1, 2, 3, 4].map(() => new RawClient(gate.port).send(handshake({ Origin: ORIGIN })))
    await until(() => gate.gate.count('refused') === 4)
    const fifth = new RawClient(gate.port).send(handshake({ Origin: ORIGIN }))
    await until(() => fifth.ended)
    expect(fifth.received).toBe('')
    for (const client of [...deaf, fifth]) client.reset()
    await allGone(gate, admitter)
  })

  test('somebody else’s WebSocketServer never sees who is turned away', async () => {
    const wss = new WebSocketServer({ noServer: true })
    const [gate, admitter] = await fullGate({ sockets: adoptedSockets(wss, systemClock) })
    let seen = 0
    wss.on('connection', () => seen++)
    expect((await visitAsBrowser(gate.url)).close.code).toBe(4429)
    expect(seen).toBe(0)
    await allGone(gate, admitter)
  })

  test('where its owner has the upgrade in hand, the deadline is told by a status, and his late yes harms nobody', async () => {
    let late = (_yes: boolean) => {}
    const verifyClient = (_info: unknown, answer: (yes: boolean) => void) => {
      late = answer
    }
    const wss = new WebSocketServer({ noServer: true, verifyClient })
    const admitter = new CountingAdmitter()
    const sockets = adoptedSockets(wss, systemClock)
    const gate = await startGate(admitter, { reject: 'close', upgradeTimeoutMs: 100, sockets })
    expect(await asHttp(gate.url)).toMatchObject({ status: 503, body: { code: 'ADMISSION_UNDECIDED' } })
    late(true)
    await allGone(gate, admitter)
  })
})
