import type { RequestListener } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { closeServer, httpServer, listen } from '../../src/server/listen.js'
import { publicServer } from '../../src/server/public-server.js'
import { leakGate } from '../support/leak-gate.js'
import { RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const CRUMBS = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(5_000)}0\r\n\r\n`
const answer: RequestListener = (_request, response) => void response.writeHead(426, { connection: 'close' }).end('no')

/** Sends this in one packet to such a server, and counts what Node makes of it until the connection ends. */
async function sent(bytes: string, make: (listener: RequestListener) => ReturnType<typeof httpServer>) {
  const made = { answers: 0, upgrades: 0, pieces: 0 }
  const server = make((request, response) => {
    made.answers++
    request.on('data', () => made.pieces++)
    answer(request, response)
  }).on('upgrade', (_request, socket) => {
    made.upgrades++
    socket.destroy()
  })
  const port = await listen(server, 0, '127.0.0.1', 'PORT')
  onTestFinished(() => closeServer(server))
  const client = new RawClient(port).send(bytes)
  await until(() => client.ended)
  client.reset()
  await client.closed
  return { ...made, received: client.received }
}

describe('L6: the clients’ listener', () => {
  test.each([
    ['requests', REQUEST.repeat(1_900)],
    ['requests without a host behind the first', REQUEST + 'GET / HTTP/1.1\r\n\r\n'.repeat(1_900)],
    ['an upgrade behind the first', REQUEST + UPGRADE],
    ['a body, byte by byte', CRUMBS],
  ])('answers one request of a connection and looks at nothing behind it: %s', async (_, bytes) => {
    const { received, ...made } = await sent(bytes, publicServer)
    expect(made).toEqual({ answers: 1, upgrades: 0, pieces: 0 })
    expect(received.match(/^HTTP\/1.1 /gm)).toHaveLength(1)
    expect(received).toMatch(/^HTTP\/1.1 426 [\s\S]*no/)
  })

  test('control: Node by itself makes an answer of each, though the first ends the connection', async () => {
    const { answers } = await sent(REQUEST.repeat(1_900), httpServer)
    expect(answers).toBeGreaterThan(1_000)
  })

  test('control: Node by itself hands over each byte of a body', async () => {
    const { pieces } = await sent(CRUMBS, httpServer)
    expect(pieces).toBeGreaterThan(1_000)
  })

  test('an upgrade passes', async () => {
    expect(await sent(UPGRADE, publicServer)).toMatchObject({ answers: 0, upgrades: 1 })
  })
})
