import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type RawData, WebSocket } from 'ws'
import { ENDPOINT } from '../../src/server/endpoint.js'

/** Where gateways connect to. */
export const GATEWAY_PATH = ENDPOINT

export interface GatewayOptions {
  /** The API key; without it no credentials are sent. */
  readonly key?: string
  readonly instanceId?: string
  readonly headers?: Readonly<Record<string, string>>
  /** `false` makes a gateway that has gone silent: it answers no ping. */
  readonly autoPong?: boolean
  /** How long the whole handshake may take, the acknowledgement included, in milliseconds. */
  readonly withinMs?: number
}

/** The first frame a gateway is sent. */
export interface Ack {
  readonly type: string
  readonly gatewayId: string
  readonly connectionId: string
  readonly timestamp: string
}

export interface Accepted {
  readonly accepted: true
  readonly ack: Ack
  /** Headers of the 101 answer. */
  readonly headers: IncomingHttpHeaders
  readonly ws: WebSocket
  /** Frames after the acknowledgement, as text. */
  readonly frames: readonly string[]
  /** Resolves when the connection is gone; code 1006 means without a close frame. Never rejects. */
  readonly closed: Promise<{ code: number; reason: string }>
  /** Closes in good order and waits until both sides have. */
  close(code?: number): Promise<{ code: number; reason: string }>
  /** Ends the TCP connection without a close frame. */
  terminate(): void
}

export interface Refused {
  readonly accepted: false
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, parsed if it is JSON; else its text under `text`. */
  readonly body: Record<string, unknown>
}

export type GatewayResult = Accepted | Refused

/**
 * Connects as a gateway does. Resolves to the server's decision; rejects when there was none: no server, a reset, a
 * first frame that is not JSON, or silence for `withinMs` (10 s).
 */
export function connectGateway(url: string, options: GatewayOptions = {}): Promise<GatewayResult> {
  const target = new URL(url)
  if (target.pathname === '/') target.pathname = GATEWAY_PATH
  const ws = new WebSocket(target, {
    autoPong: options.autoPong ?? true,
    perMessageDeflate: false,
    headers: {
      ...(options.key === undefined ? {} : { 'api-key': options.key }),
      ...(options.instanceId === undefined ? {} : { 'instance-id': options.instanceId }),
      ...options.headers,
    },
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  // Listening from the first moment: the acknowledgement may arrive in the same packet as the 101.
  const frames: string[] = []
  ws.on('message', (data: RawData) => frames.push(data.toString()))
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders = {}
    const withinMs = options.withinMs ?? 10_000
    const timer = setTimeout(() => fail(new Error(`no decision from ${target.href} within ${withinMs} ms`)), withinMs)
    const fail = (error: Error) => {
      clearTimeout(timer)
      reject(error)
      ws.terminate()
    }
    ws.on('error', fail)
    void closed.then(({ code, reason }) => fail(new Error(`closed with ${code} '${reason}' before the first frame`)))
    ws.once('upgrade', (response) => {
      headers = response.headers
    })
    ws.once('unexpected-response', (_request, response) => {
      readRefusal(response).then((refusal) => {
        clearTimeout(timer)
        resolve(refusal)
      }, fail)
    })
    ws.once('message', (data: RawData) => {
      try {
        const ack = JSON.parse(data.toString()) as Ack
        clearTimeout(timer)
        frames.shift()
        resolve(accepted({ ws, ack, headers, frames, closed }))
      } catch (cause) {
        fail(new Error(`the first frame is not JSON: ${data.toString()}`, { cause }))
      }
    })
  })
}

function accepted(parts: Pick<Accepted, 'ws' | 'ack' | 'headers' | 'frames' | 'closed'>): Accepted {
  return {
    accepted: true,
    ...parts,
    close(code = 1000) {
      parts.ws.close(code)
      return parts.closed
    },
    terminate: () => parts.ws.terminate(),
  }
}

async function readRefusal(response: IncomingMessage): Promise<Refused> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { accepted: false, status: response.statusCode ?? 0, headers: response.headers, body: parsed(text) }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return { text }
  }
}

export interface Storm {
  readonly accepted: readonly Accepted[]
  readonly refused: readonly Refused[]
}

/** Connects `count` gateways at the same instant, spread evenly over `urls`. Rejects if any got no decision. */
export async function stormConnect(
  urls: readonly string[],
  count: number,
  options: GatewayOptions = {},
): Promise<Storm> {
  const results = await Promise.all(
    Array.from({ length: count }, (_, i) => connectGateway(urls[i % urls.length]!, options)),
  )
  return {
    accepted: results.filter((result) => result.accepted),
    refused: results.filter((result) => !result.accepted),
  }
}
