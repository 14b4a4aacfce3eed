import type { ClosingCode } from '../core/closures.js'
import type { Refusal } from './refuse.js'

/** What is known of the peer; `undefined` where it was not found out. */
export interface AboutPeer {
  readonly org: string | undefined
  readonly gateway: string | undefined
  readonly address: string | undefined
  /** Why we began to close it; `undefined` where the peer left or fell silent. */
  readonly closing: ClosingCode | undefined
}

/** Hears what happens at the gate, for logs, metrics and events. Must not throw and must not wait. */
export interface GateObserver {
  upgradeRefused?(event: AboutPeer & { readonly refusal: Refusal; readonly requestId: string }): void
  connectionOpened?(event: AboutPeer & { readonly connectionId: string }): void
  /** The raw socket is closed. */
  connectionClosed?(event: AboutPeer & { readonly connectionId: string }): void
  /** Something threw that must not: `identify`, the admitter, or a listener of the WebSocket server. */
  faulted?(event: AboutPeer & { readonly error: unknown }): void
}
