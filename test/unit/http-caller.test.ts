import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { HttpCaller } from '../../src/outbound/http-caller.js'
import { leakGate } from '../support/leak-gate.js'

leakGate()

const HELLO = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'

/** Calls a server that answers the first request with `first`, and all others with 200. */
async function callerOf(first: (socket: Socket) => void, timeoutMs = 10_000): Promise<HttpCaller> {
  let asked = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', () => (asked++ === 0 ? first(socket) : socket.write(HELLO)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const caller = new HttpCaller({ url, clock: systemClock, timeoutMs, maxSockets: 1 })
  onTestFinished(async () => {
    caller.close()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return caller
}

const switching = (protocol: string) => (socket: Socket) =>
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)

/** As fast as it goes, without end. */
const forever = (head: string, chunk: string) => (socket: Socket) => {
  socket.write(head)
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}

test.each<[string, (socket: Socket) => void, string | RegExp]>([
  ['switches protocols', switching('h2c'), 'the answer switches protocols'],
  ['switches to WebSocket', switching('websocket'), 'the answer switches protocols'],
  ['sends a body without end', forever('HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(16_384)), /^the answer is longer/],
  ['sends headers without end', forever('HTTP/1.1 200 OK\r\n', `a: ${'b'.repeat(8_192)}\r\n`), 'HPE_HEADER_OVERFLOW'],
  ['resets the connection', (socket) => void socket.resetAndDestroy(), 'ECONNRESET'],
  ['speaks no HTTP', (socket) => void socket.write('SSH-2.0\r\n'), /^HPE_/],
])('a server that %s has not answered, and the next call is as good as any', async (_, first, cause) => {
  const caller = await callerOf(first)
  const expected = typeof cause === 'string' ? cause : expect.stringMatching(cause)
  expect(await caller.call({ method: 'POST', body: 'x' })).toEqual({ answered: false, cause: expected })
  expect(await caller.call({ method: 'GET' })).toEqual({ answered: true, status: 200, body: 'hello' })
})

test.each<[string, (socket: Socket) => void]>([
  ['says nothing', () => {}],
  ['goes on with early hints', forever('', 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n')],
])('a server that %s is given up at the deadline', async (_, first) => {
  const caller = await callerOf(first, 100)
  expect(await caller.call({ method: 'GET' })).toEqual({ answered: false, cause: 'no answer within 100 ms' })
})

type Answer = (status: string) => (socket: Socket) => void
const page: Answer = (status) => (socket) =>
  void socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 70000\r\n\r\n${'x'.repeat(70_000)}`)
const brokenOff: Answer = (status) => (socket) =>
  void socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 100\r\n\r\nx`, () => socket.destroy())
const unended: Answer = (status) => (socket) => void socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 100\r\n\r\nx`)

describe.each<[string, Answer, number]>([
  ['is a long page', page, 10_000],
  ['breaks off', brokenOff, 10_000],
  ['never ends', unended, 2_000],
])('a body that %s', (_, answer, timeoutMs) => {
  test.each([
    ['changes nothing of a refusal', '401 Unauthorized', {}, { answered: true, status: 401 }],
    ['changes nothing where the status is all', '200 OK', { statusOnly: true }, { answered: true, status: 200 }],
    ['is no answer where it was to be read', '200 OK', {}, { answered: false }],
  ])('%s', async (_, status, more, expected) => {
    const caller = await callerOf(answer(status), timeoutMs)
    expect(await caller.call({ method: 'POST', ...more })).toMatchObject(expected)
    expect(await caller.call({ method: 'GET' })).toEqual({ answered: true, status: 200, body: 'hello' })
  })
})

test('a refusal is told at once, while its body goes on for ever, and the next call does not wait for that', async () => {
  const caller = await callerOf(unended('401 Unauthorized'), Number.POSITIVE_INFINITY)
  expect(await caller.call({ method: 'POST' })).toEqual({ answered: true, status: 401, body: '' })
  expect(await caller.call({ method: 'GET' })).toEqual({ answered: true, status: 200, body: 'hello' })
})

test('a refusal that comes whole leaves its connection to the next call', async () => {
  const ports = new Set<number | undefined>()
  const server = createHttpServer((request, response) => {
    ports.add(request.socket.remotePort)
    response.writeHead(401).end('no')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const caller = new HttpCaller({ url, clock: systemClock, timeoutMs: 10_000, maxSockets: 1 })
  onTestFinished(() => {
    caller.close()
    server.close()
  })
  for (let n = 0; n < 5; n++) expect(await caller.call({ method: 'POST', body: 'x' })).toMatchObject({ status: 401 })
  expect(ports.size).toBe(1)
})
