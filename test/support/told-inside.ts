import { WebSocket } from 'ws'
import { GATEWAY_PATH } from './gateways.js'

/** What a browser's program learns of a connection: frames and the close, and of a refused upgrade nothing at all. */
export interface ToldInside {
  readonly opened: boolean
  readonly frames: readonly Record<string, unknown>[]
  readonly close: { readonly code: number; readonly reason: string }
}

export interface BrowserOptions {
  readonly key?: string
  readonly origin?: string | undefined
  readonly protocols?: readonly string[]
}

/** Connects as a browser does, with an `Origin`, and resolves when the connection is gone. */
export function visitAsBrowser(
  url: string,
  { key = 'acme', origin = 'https://app.example', protocols = [] }: BrowserOptions = {},
): Promise<ToldInside> {
  const ws = openAsBrowser(url, { key, origin, protocols })
  const frames: Record<string, unknown>[] = []
  let opened = false
  ws.on('error', () => {})
  ws.once('open', () => {
    opened = true
  })
  ws.on('message', (data) => frames.push(JSON.parse(String(data))))
  return new Promise((resolve) =>
    ws.once('close', (code, reason) => resolve({ opened, frames, close: { code, reason: reason.toString() } })),
  )
}

/** The connection itself, for who means to keep it. */
export function openAsBrowser(url: string, { key = 'acme', origin, protocols = [] }: BrowserOptions): WebSocket {
  const headers = { 'api-key': key }
  return new WebSocket(url + GATEWAY_PATH, [...protocols], { headers, ...(origin !== undefined && { origin }) })
}
