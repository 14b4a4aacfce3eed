import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { attach } from '../support/attached.js'
import { leakGate } from '../support/leak-gate.js'

leakGate()

const PONG_TIMEOUT_MS = 3_000
/** Takes more than half of that to arrive: more than any ping has to be answered. */
const GREETING_BYTES = 400_000
const BYTES_A_SECOND = 250_000

/** The port of a link to a server that carries so many bytes a second towards clients. */
async function slowLink(port: number): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1').pause()
    client.pipe(upstream)
    const carry = setInterval(() => {
      const some = upstream.read(Math.min(BYTES_A_SECOND / 50, upstream.readableLength)) as Buffer | null
      if (some) client.write(some)
      else upstream.read(0)
    }, 20)
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      end.on('error', () => {})
      end.on('close', () => {
        clearInterval(carry)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

test.each([
  ['comes back with its token', true],
  ['is new (control)', false],
])('L3: a client that %s has the time to read a long greeting', async (_, resumes) => {
  const attached = await attach({ limits: { org: 5 } }, { pongTimeoutMs: PONG_TIMEOUT_MS })
  attached.wss.on('connection', (ws: WebSocket) => ws.send(Buffer.alloc(GREETING_BYTES)))
  const first = new WebSocket(`ws://127.0.0.1:${attached.port}/`, { headers: { 'api-key': 'acme' } })
  await once(first, 'message')
  const token = attached.admissions[0]!.resumeToken!
  first.close()
  await once(first, 'close')
  const headers = { 'api-key': 'acme', ...(resumes && { 'resume-token': token }) }
  const slow = new WebSocket(`ws://127.0.0.1:${await slowLink(attached.port)}/`, { headers })
  onTestFinished(() => slow.terminate())
  let closedAfterMs: number | undefined
  slow.once('close', () => {
    closedAfterMs = performance.now() - startMs
  })
  const startMs = performance.now()
  const [greeting] = (await once(slow, 'message')) as [Buffer]
  expect(greeting.length).toBe(GREETING_BYTES)
  expect(performance.now() - startMs).toBeGreaterThan(PONG_TIMEOUT_MS / 2)
  await pause(PONG_TIMEOUT_MS / 2)
  expect(closedAfterMs).toBeUndefined()
})
