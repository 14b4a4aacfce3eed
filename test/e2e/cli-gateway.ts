import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** How the server answers one upgrade: accept it, or write these bytes and hang up. */
export type Answer = 'accept' | 'silent' | string

export interface TestGateway {
  readonly url: string
  readonly requests: IncomingMessage[]
  /** When each request came, in ms of one monotonic clock. */
  readonly arrivedMs: number[]
  readonly open: Set<WebSocket>
  /** Close codes that clients sent. */
  readonly closings: number[]
  stop(): Promise<void>
}

/** A real WebSocket server that answers upgrades as a test wishes. `open` connections are given to `answer`. */
export async function startGateway(answer: (open: number, request: number) => Answer): Promise<TestGateway> {
  const http = createServer()
  const websockets = new WebSocketServer({ noServer: true })
  const sockets = new Set<Socket>()
  const gateway = {
    requests: [] as IncomingMessage[],
    arrivedMs: [] as number[],
    open: new Set<WebSocket>(),
    closings: [] as number[],
  }
  http.on('connection', (socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
  })
  http.on('upgrade', (request, socket, head) => {
    gateway.arrivedMs.push(performance.now())
    const count = gateway.requests.push(request)
    const chosen = answer(gateway.open.size, count)
    if (chosen === 'silent') return
    if (chosen !== 'accept') return void socket.end(chosen)
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      gateway.open.add(websocket)
      websocket.on('close', (code) => {
        gateway.open.delete(websocket)
        gateway.closings.push(code)
      })
      websocket.send(
        JSON.stringify({ type: 'connection.ack', gatewayId: 'g', connectionId: `conn-${count}`, timestamp: '' }),
      )
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    ...gateway,
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** A refusal as headcount writes it. */
export function refusal(status: number, code: string, more: object = {}, headers: readonly string[] = []): string {
  const body = JSON.stringify({ type: 'about:blank', title: 'refused', status, code, ...more })
  return [
    `HTTP/1.1 ${status} Refused`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...headers,
    '',
    body,
  ].join('\r\n')
}
