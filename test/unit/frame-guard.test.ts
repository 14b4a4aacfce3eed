import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { guardFrames } from '../../src/gate/frame-guard.js'

const LARGE = 'x'.repeat(70_000)

const undo: (() => void)[] = []
afterEach(() => {
  for (const each of undo.splice(0)) each()
})

/** A connection whose server side is guarded; `lease.isTrusted` is what the guard asks for. */
async function guarded(options: { perMessageDeflate?: object } = {}) {
  const lease = { isTrusted: true }
  const server = createServer()
  const wss = new WebSocketServer({ noServer: true, ...options })
  const opened = new Promise<WebSocket>((resolve) => {
    server.on('upgrade', (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, (ws) => {
        guardFrames(ws, socket, () => lease.isTrusted)
        ws.on('error', () => {})
        resolve(ws)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.on('error', () => {})
  const received: string[] = []
  client.on('message', (data) => received.push(String(data)))
  const closed = once(client, 'close') as Promise<[code: number, reason: Buffer]>
  undo.push(
    () => client.terminate(),
    () => server.close(),
  )
  return { lease, ws: await opened, client, received, closed }
}

/** Whatever ws may hold back between `send` and the raw socket. */
const HELD_BACK = [
  ['compressed', { perMessageDeflate: { threshold: 0 } }, (text: string) => text],
  ['read from a Blob', {}, (text: string) => new Blob([text])],
] as const

describe('S7: no frame is handed to the socket after D', () => {
  test.each(HELD_BACK)('neither one that is being %s when D passes', async (_, options, payload) => {
    const { lease, ws, received, closed } = await guarded(options)
    // In one turn, with the lease in trust; then the process sleeps past D.
    for (let n = 0; n < 10; n++) ws.send(payload(`${n} ${LARGE}`) as string)
    lease.isTrusted = false
    const [code] = await closed
    expect(code).toBe(1006)
    expect(received).toEqual([])
  })

  test.each(HELD_BACK)('control: what is %s before D arrives whole', async (_, options, payload) => {
    const { ws, client, received } = await guarded(options)
    const sent = ['', 'short', 'y'.repeat(200), LARGE]
    for (const text of sent) ws.send(payload(text) as string)
    while (received.length < sent.length) await once(client, 'message')
    expect(received).toEqual(sent)
  })

  test('why a connection is closed is still told, after whatever was sent before', async () => {
    const { lease, ws, received, closed } = await guarded()
    for (const text of ['', 'short', LARGE]) ws.send(text)
    lease.isTrusted = false
    ws.close(1013, 'the store is away')
    const [code, reason] = await closed
    expect([code, String(reason)]).toEqual([1013, 'the store is away'])
    expect(received).toEqual(['', 'short', LARGE])
  })

  test('what is sent after D ends the connection, and says so to who sent it', async () => {
    const { lease, ws, received, closed } = await guarded()
    lease.isTrusted = false
    const error = await new Promise((resolve) => ws.send('late', resolve))
    expect(error).toMatchObject({ message: expect.stringContaining('out of trust') })
    await closed
    expect(received).toEqual([])
  })
})
