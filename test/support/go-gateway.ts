import { createHash, randomBytes } from 'node:crypto'
import { GATEWAY_PATH } from './gateways.js'
import { RawClient } from './raw-client.js'

export interface GoGatewayOptions {
  readonly key: string
  /** As Go writes it from `Header.Add("api-key", …)`; a program that assigns the map directly sends it as it is. */
  readonly keyHeader?: 'Api-Key' | 'api-key'
  /** `false` makes a gateway that has gone silent. */
  readonly answersPings?: boolean
}

export interface Frame {
  readonly opcode: number
  readonly payload: Buffer
}

export const OPCODES = { text: 1, close: 8, ping: 9, pong: 10 } as const

/** What RFC 6455 §4.2.2 has the server append to the client's key. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * A gateway that speaks as WSO2's does: the bytes of gorilla/websocket 1.5 on Go 1.19, taken from a real one, and its
 * default behaviour, which is to answer each ping with a pong of the same payload and to say nothing else.
 */
export class GoGateway {
  readonly frames: Frame[] = []
  readonly client: RawClient
  readonly #answersPings: boolean
  readonly #accept: string
  #parsed = 0

  constructor(port: number, { key, keyHeader = 'Api-Key', answersPings = true }: GoGatewayOptions) {
    const nonce = randomBytes(16).toString('base64')
    this.#accept = createHash('sha1')
      .update(nonce + ACCEPT_SUFFIX)
      .digest('base64')
    this.#answersPings = answersPings
    this.client = new RawClient(port)
    this.client.socket.on('data', () => this.#read())
    // A Go program closes when its read fails, and so its connection ends when the server ends it.
    this.client.socket.on('end', () => this.client.fin())
    // Go writes Host and User-Agent first and the rest sorted by their bytes, so a lower-case name comes last.
    const headers = [
      `${keyHeader}: ${key}`,
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${nonce}`,
      'Sec-WebSocket-Version: 13',
      'Upgrade: websocket',
    ].sort((one, other) => (one < other ? -1 : 1))
    const lines = [
      `GET ${GATEWAY_PATH} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'User-Agent: Go-http-client/1.1',
      ...headers,
    ]
    this.client.send(`${lines.join('\r\n')}\r\n\r\n`)
  }

  /** The head of the answer; empty until it has arrived whole. */
  get answer(): string {
    return this.client.received.slice(0, Math.max(0, this.#headLength()))
  }

  /** Whether the answer is an upgrade as gorilla checks it. */
  get upgraded(): boolean {
    const has = (pattern: RegExp) => pattern.test(this.answer)
    return (
      this.answer.startsWith('HTTP/1.1 101 ') &&
      has(/^upgrade: websocket\r$/im) &&
      has(/^connection: upgrade\r$/im) &&
      this.answer.includes(`Sec-WebSocket-Accept: ${this.#accept}\r\n`)
    )
  }

  received(opcode: number): Frame[] {
    return this.frames.filter((frame) => frame.opcode === opcode)
  }

  #headLength(): number {
    const end = this.client.received.indexOf('\r\n\r\n')
    return end < 0 ? 0 : end + 4
  }

  #read(): void {
    if (this.#headLength() === 0) return
    const bytes = Buffer.from(this.client.received.slice(this.#headLength()), 'latin1')
    for (;;) {
      const frame = frameAt(bytes, this.#parsed)
      if (!frame) return
      this.#parsed += frame.length
      this.frames.push(frame)
      if (frame.opcode === OPCODES.ping && this.#answersPings) this.client.send(masked(OPCODES.pong, frame.payload))
    }
  }
}

/** A frame of a server is unmasked; longer ones than 65,535 bytes are not expected. */
function frameAt(bytes: Buffer, at: number): (Frame & { readonly length: number }) | undefined {
  if (bytes.length < at + 2) return undefined
  const short = bytes[at + 1]! & 0x7f
  const start = at + (short === 126 ? 4 : 2)
  if (bytes.length < start) return undefined
  const size = short === 126 ? bytes.readUInt16BE(at + 2) : short
  if (bytes.length < start + size) return undefined
  return { opcode: bytes[at]! & 0x0f, payload: bytes.subarray(start, start + size), length: start - at + size }
}

/** A short frame as a client sends it. */
function masked(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4)
  const body = Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]!))
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, body])
}
