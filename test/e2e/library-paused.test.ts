import { Writable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { createWebSocketStream, type WebSocket } from 'ws'
import { attach, connect } from '../support/attached.js'
import { leakGate } from '../support/leak-gate.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

const TIMES = { pongTimeoutMs: 1_000 }

/** A limiter whose program does this with each WebSocket of acme. */
async function attachFor(handle: (ws: WebSocket) => void) {
  const attached = await attach({ limits: { org: 1 }, probeTimeoutMs: 100 }, TIMES)
  attached.wss.on('connection', (ws: WebSocket, request: { headers: Record<string, unknown> }) => {
    if (request.headers['api-key'] === 'acme') handle(ws)
  })
  /** So long that who is not heard is cut off: twice, one after the other. */
  const passTimeouts = async () => {
    for (let n = 0; n < 2; n++) {
      const silent = new RawClient(attached.port).send(handshake({ 'api-key': 'silent' }))
      await until(() => silent.status === 101)
      await until(() => silent.ended)
      silent.reset()
      await until(() => attached.limiter.connections === 1)
    }
  }
  return { attached, passTimeouts }
}

test('L3: who is behind a socket that the program has paused is taken for there, by pings and by probes', async () => {
  let paused: WebSocket | undefined
  const { attached, passTimeouts } = await attachFor((ws) => {
    paused = ws
    ws.pause()
  })
  const { ws } = await connect(attached)
  const echo = new Promise((resolve) => ws.once('message', (data) => resolve(String(data))))
  await passTimeouts()
  expect((await connect(attached)).status).toBe(429)
  expect([ws.readyState, attached.limiter.connections]).toEqual([ws.OPEN, 1])
  ws.send('late')
  paused!.resume()
  expect(await echo).toBe('echo late')
  await passTimeouts()
  expect(ws.readyState).toBe(ws.OPEN)
})

test('L3: one that has vanished behind a paused socket is found once that is resumed', async () => {
  let paused: WebSocket | undefined
  const { attached, passTimeouts } = await attachFor((ws) => {
    paused = ws
    ws.pause()
  })
  const vanished = new RawClient(attached.port).send(handshake({ 'api-key': 'acme' }))
  await until(() => paused !== undefined)
  await passTimeouts()
  expect(vanished.ended).toBe(false)
  paused!.resume()
  await until(() => vanished.ended)
  vanished.reset()
  await until(() => attached.limiter.connections === 0)
})

test('L3: nor is one cut off whose stream waits for a slow sink', async () => {
  const waiting: (() => void)[] = []
  const { attached, passTimeouts } = await attachFor((ws) => {
    ws.removeAllListeners('message')
    const sink = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void waiting.push(done) })
    const stream = createWebSocketStream(ws, { readableHighWaterMark: 1 })
    stream.on('error', () => {}).pipe(sink)
    onTestFinished(() => void stream.destroy())
  })
  const { ws } = await connect(attached)
  for (let n = 0; n < 5; n++) ws.send('as much as the sink does not take')
  await until(() => waiting.length === 1)
  await passTimeouts()
  expect(ws.readyState).toBe(ws.OPEN)
  ws.terminate()
})
