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
  const isOpen = once(client, 'open')
  const received: string[] = []
  client.on('message', (data) => received.push(String(data)))
  const closed = once(client, 'close') as Promise<[code: number, reason: Buffer]>
  undo.push(
    () => client.terminate(),
    () => server.close(),
  )
  const [ws] = await Promise.all([opened, isOpen])
  return { lease, ws, client, received, closed }
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

  test.each(HELD_BACK)('also behind texts that were %s or not', async (_, options, payload) => {
    const { lease, ws, client, received, closed } = await guarded(options)
    for (const text of ['a', 'b'.repeat(1_000)]) ws.send(text, { compress: false })
    while (received.length < 2) await once(client, 'message')
    for (let n = 0; n < 3; n++) ws.send(payload(`${n} ${LARGE}`) as string)
    lease.isTrusted = false
    expect((await closed)[0]).toBe(1006)
    expect(received).toHaveLength(2)
  })

  test.each(HELD_BACK)(
    'but why it is closed is told where that was said meanwhile, %s or not',
    async (_, options, payload) => {
      const { lease, ws, received, closed } = await guarded(options)
      const told: unknown[] = []
      for (const text of [LARGE, '']) ws.send(payload(text) as string, (error) => told.push(error))
      lease.isTrusted = false
      ws.close(4410, 'taken over')
      const [code, reason] = await closed
      expect([code, String(reason)]).toEqual([4410, 'taken over'])
      expect(received).toEqual([])
      expect(told).toEqual([expect.any(Error), expect.any(Error)])
    },
  )

  test('nor is it lost over what comes or is sent after that', async () => {
    const { lease, ws, client, received, closed } = await guarded(HELD_BACK[0][1])
    ws.on('message', () => received.push('from the client'))
    client.send('late')
    ws.send(LARGE)
    lease.isTrusted = false
    ws.close(4410, 'taken over')
    ws.send('late')
    expect((await closed)[0]).toBe(4410)
    expect(received).toEqual([])
  })

  test.each([
    [0, 0x7f],
    [0, 0x7e],
    [0, 0xff, 0],
    [0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0xff],
  ])('nor can what a peer pings with confuse it: %o, %o …', async (...payload) => {
    const { lease, ws, client, received, closed } = await guarded({ perMessageDeflate: { threshold: 2_000 } })
    for (const text of ['', 'a', 'ab', 'abc', 'abcd']) {
      ws.send(text)
      client.ping(Buffer.from(payload))
      await once(client, 'pong')
    }
    ws.send(LARGE)
    lease.isTrusted = false
    expect((await closed)[0]).toBe(1006)
    expect(received).toEqual(['', 'a', 'ab', 'abc', 'abcd'])
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
