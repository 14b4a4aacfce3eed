import { getEventListeners, once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { Admitted } from '../../src/core/admission.js'
import { systemClock } from '../../src/core/clock.js'
import type { RefusalCode } from '../../src/core/closures.js'
import { adoptedSockets, ownSockets } from '../../src/gate/ws-gate.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { type Accepted, connectGateway, GATEWAY_PATH, type Refused, stormConnect } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

async function accepted(url: string, key = 'acme', autoPong = true): Promise<Accepted> {
  const result = await connectGateway(url, { key, autoPong })
  if (!result.accepted) throw new Error(`refused with ${result.status} ${result.body.code}`)
  return result
}

async function refused(url: string, key = 'acme', path = GATEWAY_PATH): Promise<Refused> {
  const result = await connectGateway(`${url}${path}`, { key })
  if (result.accepted) throw new Error('accepted')
  return result
}

describe('an admitted upgrade', () => {
  test('gets connection.ack as its first frame and the quota in the answer', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter)
    const { ack, headers, close } = await accepted(gate.url)
    expect(ack).toEqual({
      type: 'connection.ack',
      gatewayId: 'acme-gateway',
      connectionId: 'c-1',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      limit: 3,
      remaining: 2,
    })
    expect(headers['ratelimit-policy']).toBe('"org";q=3;qu="concurrent-requests"')
    expect(headers.ratelimit).toBe('"org";r=2')
    expect(headers['sec-websocket-extensions']).toBeUndefined()
    await close()
    await allGone(gate, admitter)
  })

  test('the handshake and the first frame leave in one piece', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter)
    let writes = 0
    gate.server.on('connection', (socket: Socket) => {
      const [write, writev] = [socket._write, socket._writev!]
      socket._write = (...args) => {
        writes++
        write.apply(socket, args)
      }
      socket._writev = (...args) => {
        writes++
        writev.apply(socket, args)
      }
    })
    const client = new RawClient(gate.port).send(handshake())
    await until(() => client.received.includes('connection.ack'))
    expect(writes).toBe(1)
    client.reset()
    await allGone(gate, admitter)
  })

  test('tells of no limit where there is none', async () => {
    const admitter = new CountingAdmitter({ limit: Number.POSITIVE_INFINITY })
    const gate = await startGate(admitter)
    const { ack, close } = await accepted(gate.url)
    expect(ack).not.toHaveProperty('limit')
    expect(ack).not.toHaveProperty('remaining')
    await close()
    await allGone(gate, admitter)
  })

  test('tells the node who asks: org, gateway, instance and address', async () => {
    const admitter = new CountingAdmitter()
    const { url } = await startGate(admitter)
    const result = await connectGateway(url, { key: 'acme', instanceId: 'pod-7' })
    expect(admitter.requests).toEqual([
      { org: 'acme', gateway: 'acme-gateway', instance: 'pod-7', address: '127.0.0.1' },
    ])
    expect(result.accepted).toBe(true)
    if (result.accepted) await result.close()
  })

  test('L1: its slot is free only when the raw socket has closed', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter)
    const client = new RawClient(gate.port).send(handshake())
    await until(() => client.received.includes('connection.ack'))
    admitter.lose('LEASE_LOST')
    await until(() => client.received.includes('lease lost'))
    // The close frame is out, the client has not answered, its socket is open: the slot is still taken.
    expect(admitter.count).toBe(1)
    client.reset()
    await allGone(gate, admitter)
  })

  test('a message above the longest is answered with 1009', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { sockets: ownSockets(systemClock, { maxPayloadBytes: 1_000 }) })
    const small = await accepted(gate.url)
    small.ws.send(Buffer.alloc(1_000))
    const large = await accepted(gate.url)
    large.ws.send(Buffer.alloc(1_001))
    expect((await large.closed).code).toBe(1009)
    expect(small.ws.readyState).toBe(WebSocket.OPEN)
    await small.close()
    await allGone(gate, admitter)
  })
})

describe('a refused upgrade', () => {
  test('is a whole problem document, to the byte', async () => {
    const admitter = new CountingAdmitter({ limit: 0 })
    const gate = await startGate(admitter, { random: () => 0.5 })
    const client = new RawClient(gate.port).send(handshake())
    await until(() => client.ended)
    const [head, body] = client.received.split('\r\n\r\n') as [string, string]
    const { instance, ...problem } = JSON.parse(body)
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 429 Too Many Requests',
      expect.stringMatching(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/),
      'Content-Type: application/problem+json',
      `Content-Length: ${body.length}`,
      'Cache-Control: no-store',
      'Connection: close',
      'Retry-After: 5',
      'RateLimit-Policy: "org";q=0;qu="concurrent-requests"',
      'RateLimit: "org";r=0',
    ])
    expect(problem).toEqual({
      type: 'urn:headcount:error:ORG_CONNECTION_LIMIT_EXCEEDED',
      title: 'The organization holds all the connections it may',
      status: 429,
      code: 'ORG_CONNECTION_LIMIT_EXCEEDED',
      currentCount: 0,
      maxAllowed: 0,
    })
    expect(instance).toMatch(/^urn:uuid:[0-9a-f-]{36}$/)
    client.fin()
    await allGone(gate, admitter)
  })

  test('S1: the limit holds for 40 at one instant, and the 37 learn the count', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter)
    const storm = await stormConnect([gate.url], 40, { key: 'acme' })
    expect(storm.accepted).toHaveLength(3)
    for (const { status, body, headers } of storm.refused) {
      expect({ status, ...body }).toMatchObject({ status: 429, currentCount: 3, maxAllowed: 3 })
      expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
    }
    for (const { terminate } of storm.accepted) terminate()
    await allGone(gate, admitter)
  })

  test('without a known key: 401 with WWW-Authenticate; of a disabled org: 403; neither asks for a slot', async () => {
    const admitter = new CountingAdmitter()
    const { url } = await startGate(admitter)
    const unknown = await refused(url, 'nobody')
    expect(unknown).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } })
    expect(unknown.headers['www-authenticate']).toBe('Bearer realm="headcount"')
    expect(unknown.headers['retry-after']).toBeUndefined()
    expect(await refused(url, 'disabled')).toMatchObject({ status: 403, body: { code: 'ORG_DISABLED' } })
    expect(admitter.requests).toEqual([])
  })

  test('at another path: 404; the query does not belong to the path', async () => {
    const admitter = new CountingAdmitter()
    const { url } = await startGate(admitter)
    expect(await refused(url, 'acme', '/elsewhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    const result = await connectGateway(`${url}${GATEWAY_PATH}?v=1`, { key: 'acme' })
    expect(result.accepted).toBe(true)
    if (result.accepted) await result.close()
  })

  test.each([
    ['starting', 'STARTING'],
    ['quiet', 'DRAINING'],
    ['draining', 'DRAINING'],
    ['stopped', 'DRAINING'],
  ] as const)('while the node is %s: 503 %s with Retry-After, before anybody is identified', async (phase, code) => {
    const admitter = new CountingAdmitter()
    const { url } = await startGate(admitter)
    admitter.phase = phase
    const refusal = await refused(url, 'nobody')
    expect(refusal).toMatchObject({ status: 503, body: { code } })
    expect(Number(refusal.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  })

  test('while the node starts and knows how long that takes, Retry-After says so', async () => {
    const admitter = Object.assign(new CountingAdmitter(), { startRetryMs: 41_001 })
    const { url } = await startGate(admitter)
    admitter.phase = 'starting'
    expect((await refused(url, 'nobody')).headers['retry-after']).toBe('42')
  })

  test('16 MB sent too early does not cost the client its answer', async () => {
    const admitter = new CountingAdmitter({ limit: 0 })
    const gate = await startGate(admitter)
    const client = new RawClient(gate.port)
    client.socket.pause()
    client.send(handshake() + 'x'.repeat(16_000_000))
    // It reads only when all is sent: a reset in between would have thrown the answer away.
    await until(() => client.socket.writableLength === 0 || client.socket.destroyed)
    client.socket.resume()
    await until(() => client.ended)
    expect(client.status).toBe(429)
    expect(client.received).toMatch(/"maxAllowed":0\}$/)
    client.fin()
    await allGone(gate, admitter)
  })
})

describe('a malformed handshake is told so, and neither identified nor admitted', () => {
  const cases: [string, Record<string, string | undefined>, number, RefusalCode, string?][] = [
    ['no key', { 'Sec-WebSocket-Key': undefined }, 400, 'BAD_HANDSHAKE'],
    ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400, 'BAD_HANDSHAKE'],
    ['two keys', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }, 400, 'BAD_HANDSHAKE'],
    ['no version', { 'Sec-WebSocket-Version': undefined }, 426, 'UPGRADE_REQUIRED'],
    ['version 12', { 'Sec-WebSocket-Version': '12' }, 426, 'UPGRADE_REQUIRED'],
    ['another protocol', { Upgrade: 'h2c' }, 426, 'UPGRADE_REQUIRED'],
    ['POST', {}, 400, 'BAD_HANDSHAKE', `POST ${GATEWAY_PATH} HTTP/1.1`],
    ['HTTP/1.0', {}, 400, 'BAD_HANDSHAKE', `GET ${GATEWAY_PATH} HTTP/1.0`],
    ['an empty subprotocol', { 'Sec-WebSocket-Protocol': 'a,,b' }, 400, 'BAD_HANDSHAKE'],
    ['a subprotocol twice', { 'Sec-WebSocket-Protocol': 'a, a' }, 400, 'BAD_HANDSHAKE'],
    ['an endless instance-id', { 'instance-id': 'i'.repeat(257) }, 400, 'BAD_HANDSHAKE'],
    ['an instance-id that is a way', { 'instance-id': '..' }, 400, 'BAD_HANDSHAKE'],
  ]

  test.each(cases)('%s', async (_name, headers, status, code, requestLine) => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { identify: () => Promise.reject(new Error('asked all the same')) })
    const client = new RawClient(gate.port).send(handshake(headers, requestLine))
    await until(() => client.ended)
    expect(client.status).toBe(status)
    expect(client.received).toContain(`"code":"${code}"`)
    if (status === 426) {
      expect(client.received).toContain('\r\nUpgrade: websocket\r\n')
      expect(client.received).toContain('\r\nSec-WebSocket-Version: 13\r\n')
    }
    expect(gate.faults).toEqual([])
    client.fin()
    await allGone(gate, admitter)
  })

  test('the control: the same client without a fault is let in, also with subprotocols', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter)
    const client = new RawClient(gate.port).send(handshake({ 'Sec-WebSocket-Protocol': 'a, b' }))
    await until(() => client.received.includes('connection.ack'))
    expect(client.status).toBe(101)
    client.reset()
    await allGone(gate, admitter)
  })
})

describe('the room on this node', () => {
  test('open connections and those being admitted fill it together; a closed one makes room', async () => {
    const admitter = new CountingAdmitter({ limit: 100 })
    const gate = await startGate(admitter, { maxConnections: 2 })
    const first = await accepted(gate.url)
    const go = admitter.hold()
    const pending = accepted(gate.url)
    await until(() => admitter.waiting === 1)
    expect(await refused(gate.url)).toMatchObject({ status: 503, body: { code: 'NODE_CAPACITY_EXCEEDED' } })
    go()
    const second = await pending
    await first.close()
    await until(() => admitter.count === 1)
    const third = await accepted(gate.url)
    await Promise.all([second.close(), third.close()])
    await allGone(gate, admitter)
  })

  test('upgrades without a decision are bounded', async () => {
    const admitter = new CountingAdmitter({ limit: 100 })
    let identified = () => {}
    const waits = new Promise<void>((resolve) => {
      identified = resolve
    })
    const gate = await startGate(admitter, {
      maxPendingUpgrades: 5,
      identify: async () => {
        await waits
        return { identified: true, identity: { org: 'acme', gateway: 'g' } }
      },
    })
    const pending = Promise.all(Array.from({ length: 5 }, () => accepted(gate.url)))
    await until(() => gate.gate.count('identifying') === 5)
    expect(await refused(gate.url)).toMatchObject({ status: 503, body: { code: 'NODE_CAPACITY_EXCEEDED' } })
    identified()
    for (const { terminate } of await pending) terminate()
    await allGone(gate, admitter)
  })
})

describe('L6: every upgrade is answered within its deadline', () => {
  test('503 when identification never ends, and its signal aborts', async () => {
    const admitter = new CountingAdmitter()
    let signal: AbortSignal | undefined
    const identify = (_request: unknown, aborts: AbortSignal) => {
      signal = aborts
      return new Promise<never>(() => {})
    }
    const gate = await startGate(admitter, { upgradeTimeoutMs: 100, identify })
    expect(await refused(gate.url)).toMatchObject({ status: 503, body: { code: 'ADMISSION_UNDECIDED' } })
    expect(signal?.aborted).toBe(true)
    await allGone(gate, admitter)
  })

  test.each([true, false])(
    '503 when the slot comes too late, and it is given back (node heeds the abort: %s)',
    async (heedsAbort) => {
      const admitter = new CountingAdmitter({ heedsAbort })
      const gate = await startGate(admitter, { upgradeTimeoutMs: 100 })
      const go = admitter.hold()
      expect(await refused(gate.url)).toMatchObject({ status: 503, body: { code: 'ADMISSION_UNDECIDED' } })
      expect(admitter.count).toBe(1)
      go()
      await allGone(gate, admitter)
    },
  )

  test('503 when identification fails, never 401, and the observer learns of it', async () => {
    const admitter = new CountingAdmitter()
    const failure = new Error('the key store is down')
    const gate = await startGate(admitter, { identify: () => Promise.reject(failure) })
    const refusal = await refused(gate.url)
    expect(refusal).toMatchObject({ status: 503, body: { code: 'ADMISSION_UNDECIDED' } })
    expect(JSON.stringify(refusal.body)).not.toContain('key store')
    expect(gate.faults).toEqual([failure])
    await allGone(gate, admitter)
  })
})

describe('open connections', () => {
  test.each([
    ['LEASE_LOST', 4408],
    ['DRAINING', 1012],
  ] as const)('a slot lost for %s closes with %i', async (reason, code) => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter)
    const { closed } = await accepted(gate.url)
    admitter.lose(reason)
    expect((await closed).code).toBe(code)
    await allGone(gate, admitter)
  })

  test('a peer that does not answer the close is cut off', async () => {
    const admitter = new CountingAdmitter()
    const sockets = ownSockets(systemClock, { closeTimeoutMs: 60_000 })
    const gate = await startGate(admitter, { closeTimeoutMs: 50, sockets })
    const client = new RawClient(gate.port).send(handshake())
    await until(() => client.received.includes('connection.ack'))
    admitter.lose('LEASE_LOST')
    await allGone(gate, admitter)
    client.reset()
  })

  test('L3: silence closes within the timeout and frees the slot; pongs keep open past it', async () => {
    const admitter = new CountingAdmitter()
    const pongTimeoutMs = 1_500
    const gate = await startGate(admitter, { pongTimeoutMs })
    const living = await accepted(gate.url)
    const startMs = performance.now()
    const silent = await accepted(gate.url, 'acme', false)
    expect((await silent.closed).code).toBe(1006)
    // The time itself, and what a busy machine may be late.
    expect(performance.now() - startMs).toBeLessThan(pongTimeoutMs + 4_000)
    await until(() => admitter.count === 1)
    let pings = 0
    living.ws.on('ping', () => pings++)
    await until(() => pings >= 2)
    expect(living.ws.readyState).toBe(WebSocket.OPEN)
    await living.close()
    await allGone(gate, admitter)
  })
})

describe('L4: closeAll', () => {
  test('closes all with 1012, paced, those that never answer too, within the time; refuses who is pending or new', async () => {
    const admitter = new CountingAdmitter({ limit: 1_000 })
    const delaysMs: number[] = []
    const after = (delayMs: number, task: () => void) => {
      delaysMs.push(delayMs)
      return systemClock.after(delayMs, task)
    }
    const gate = await startGate(admitter, { clock: { ...systemClock, after } })
    const storm = await stormConnect([gate.url], 120, { key: 'acme' })
    const deaf = Array.from({ length: 10 }, () => new RawClient(gate.port).send(handshake()))
    await until(() => deaf.every(({ received }) => received.includes('connection.ack')))
    const go = admitter.hold()
    const pending = refused(gate.url)
    await until(() => admitter.waiting === 1)
    const startMs = performance.now()
    // Who has not been told to go by then is cut off without the code: a busy machine takes some of that time.
    const withinMs = 3_000
    const done = gate.gate.closeAll('DRAINING', { withinMs })
    expect(await pending).toMatchObject({ status: 503, body: { code: 'DRAINING' } })
    expect(await refused(gate.url)).toMatchObject({ status: 503, body: { code: 'DRAINING' } })
    go()
    await done
    expect(performance.now() - startMs).toBeLessThan(withinMs + 4_000)
    expect(gate.gate.count()).toBe(0)
    expect(delaysMs.filter((delayMs) => delayMs === 50)).toHaveLength(2)
    const codes = await Promise.all(storm.accepted.map(({ closed }) => closed))
    expect(new Set(codes.map(({ code }) => code))).toEqual(new Set([1012]))
    await allGone(gate, admitter)
    for (const client of deaf) client.reset()
  })

  test('with nobody there resolves at once', async () => {
    const { gate } = await startGate(new CountingAdmitter())
    await gate.closeAll('DRAINING', { withinMs: 60_000 })
  })
})

describe("somebody else's WebSocketServer", () => {
  test('emits connection with the admission; no ack; the same headers; faulty frames end nothing', async () => {
    const admitter = new CountingAdmitter()
    const wss = new WebSocketServer({ noServer: true })
    const gate = await startGate(admitter, { sockets: adoptedSockets(wss, systemClock) })
    let lost: AbortSignal | undefined
    wss.on('connection', (ws: WebSocket, request: IncomingMessage, admitted: Admitted) => {
      lost ??= admitted.lost
      ws.send(`${request.url} ${admitted.connectionId}`)
    })
    const client = new WebSocket(gate.url + GATEWAY_PATH, { headers: { 'api-key': 'acme' } })
    const upgraded = once(client, 'upgrade')
    const [frame] = (await once(client, 'message')) as [RawData]
    expect(frame.toString()).toBe(`${GATEWAY_PATH} c-1`)
    expect((await upgraded)[0].headers.ratelimit).toBe('"org";r=2')
    const broken = new RawClient(gate.port).send(handshake())
    await until(() => broken.status === 101 && admitter.count === 2)
    broken.send(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    await until(() => broken.received.includes('Invalid') || broken.ended || broken.received.includes('\x88'))
    broken.reset()
    client.close()
    await allGone(gate, admitter)
    expect(getEventListeners(lost!, 'abort')).toEqual([])
    gate.gate.destroy()
    expect(wss.listenerCount('headers')).toBe(0)
  })

  test('a listener of it that throws costs that one connection, and is reported', async () => {
    const admitter = new CountingAdmitter()
    const wss = new WebSocketServer({ noServer: true })
    const gate = await startGate(admitter, { sockets: adoptedSockets(wss, systemClock) })
    const bug = new Error('a bug in the embedding program')
    wss.once('connection', () => {
      throw bug
    })
    const client = new RawClient(gate.port).send(handshake())
    await until(() => client.ended)
    client.reset()
    expect(gate.faults).toEqual([bug])
    await allGone(gate, admitter)
  })

  test('that turns the upgrade away keeps no slot', async () => {
    const admitter = new CountingAdmitter()
    const wss = new WebSocketServer({ noServer: true, verifyClient: () => false })
    const gate = await startGate(admitter, { sockets: adoptedSockets(wss, systemClock) })
    expect(await refused(gate.url)).toMatchObject({ status: 401 })
    await allGone(gate, admitter)
  })
})

describe('plain HTTP on the same server', () => {
  test('426 at the endpoint, 404 elsewhere, both as problem documents', async () => {
    const { port } = await startGate(new CountingAdmitter())
    const endpoint = await fetch(`http://127.0.0.1:${port}${GATEWAY_PATH}`)
    expect(endpoint.status).toBe(426)
    expect(endpoint.headers.get('content-type')).toBe('application/problem+json')
    expect(endpoint.headers.get('upgrade')).toBe('websocket')
    expect(await endpoint.json()).toMatchObject({ code: 'UPGRADE_REQUIRED' })
    const elsewhere = await fetch(`http://127.0.0.1:${port}/`)
    expect(elsewhere.status).toBe(404)
    expect(await elsewhere.json()).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('the handler of an embedding program is not touched', async () => {
    const { port } = await startGate(new CountingAdmitter(), {}, (_request, response) => response.end('hello'))
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello')
  })
})
