import { connect, type Socket } from 'node:net'
import { resetSocket } from '../../src/net/reset-socket.js'
import { GATEWAY_PATH } from './gateways.js'

/** What RFC 6455 uses as its example. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** The headers of a good handshake; `undefined` leaves one out. */
export function handshake(
  overrides: Record<string, string | undefined> = {},
  requestLine = `GET ${GATEWAY_PATH} HTTP/1.1`,
): string {
  const headers: Record<string, string | undefined> = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    'api-key': 'acme',
    ...overrides,
  }
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`],
  )
  return `${requestLine}\r\n${lines.join('')}\r\n`
}

/** A frame of a client; its mask is zero, so that what is sent is what was given. */
export function frame(firstByte: number, payload: Buffer): Buffer {
  const length = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([firstByte, ...length, 0, 0, 0, 0]), payload])
}

/** A client that speaks TCP only and does what no WebSocket library would. */
export class RawClient {
  readonly socket: Socket
  /** Resolves when the connection is gone, however. */
  readonly closed: Promise<void>
  #received = ''

  constructor(port: number) {
    // Half-open allowed: the client stays until it says so itself, as a hostile one would.
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1')
    })
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()))
  }

  /** Everything received, one character a byte. */
  get received(): string {
    return this.#received
  }

  get status(): number {
    return Number(this.#received.split(' ', 2)[1] ?? 0)
  }

  /** Whether the server has closed its side. */
  get ended(): boolean {
    return this.socket.readableEnded || this.socket.destroyed
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes)
    return this
  }

  /** Sends FIN and goes on listening. */
  fin(): void {
    this.socket.end()
  }

  /** Sends RST. */
  reset(): void {
    resetSocket(this.socket)
  }
}
