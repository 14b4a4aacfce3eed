import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type Admitted,
  type AttachOptions,
  createLimiter,
  type Identify,
  type Limiter,
  type LimiterOptions,
} from '../../src/index.js'

export const identify: Identify = ({ headers }) => {
  const org = headers['api-key']
  if (typeof org !== 'string') return { identified: false, code: 'UNAUTHENTICATED' }
  return { identified: true, identity: { org, gateway: 'gate' } }
}

interface Attached {
  readonly limiter: Limiter
  readonly server: Server
  readonly wss: WebSocketServer
  readonly port: number
  readonly admissions: Admitted[]
}

/** A limiter of two slots an org in front of a WebSocket server that echoes; ends with the test. */
export async function attach(options: LimiterOptions = {}, how: Partial<AttachOptions> = {}): Promise<Attached> {
  const limiter = createLimiter({ limits: { org: 2 }, ...options })
  const server = createServer((_request, response) => response.end('plain'))
  const wss = new WebSocketServer({ noServer: true })
  const admissions: Admitted[] = []
  wss.on('connection', (ws: WebSocket, _request: unknown, admission: Admitted) => {
    admissions.push(admission)
    ws.on('message', (data) => ws.send(`echo ${data}`))
  })
  limiter.attach(server, wss, { identify, ...how })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await limiter.drain({ withinMs: 500 })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  await limiter.ready()
  return { limiter, server, wss, admissions, port: (server.address() as AddressInfo).port }
}

type Outcome = { readonly ws: WebSocket; readonly status: number; readonly body: Record<string, unknown> }

/** Connects with ws and nothing else, as any client might. */
export function connect({ port }: Pick<Attached, 'port'>, org = 'acme', path = '/'): Promise<Outcome> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { 'api-key': org } })
  return new Promise((resolve, reject) => {
    ws.on('error', reject)
    ws.once('open', () => resolve({ ws, status: 101, body: {} }))
    ws.once('unexpected-response', async (_request, response) => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      resolve({ ws, status: response.statusCode ?? 0, body: JSON.parse(text) })
    })
  })
}
