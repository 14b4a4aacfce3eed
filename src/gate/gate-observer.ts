import type { ClosingCode } from '../core/closures.js'
import { tell } from '../core/tell.js'
import type { Refusal } from './refuse.js'
import type { Upgrade } from './upgrade.js'

/** What is known of the peer; `undefined` where it was not found out. */
export interface AboutPeer {
  readonly org: string | undefined
  readonly gateway: string | undefined
  readonly address: string | undefined
  /** Why we began to close it; `undefined` where the peer left or fell silent. */
  readonly closing: ClosingCode | undefined
}

/**
 * Hears what happens at the gate, for logs, metrics and events. Nothing waits for it. What it throws is told to its own
 * `faulted`, or to the console where there is none or that throws too, and harms no connection; of one that is
 * asynchronous, what it rejects with as well.
 */
export interface GateObserver {
  /** `retryAfterSeconds` as the client was told; `undefined` where it was told none. */
  upgradeRefused?(
    event: AboutPeer & {
      readonly refusal: Refusal
      readonly requestId: string
      readonly retryAfterSeconds: number | undefined
    },
  ): void
  connectionOpened?(event: AboutPeer & { readonly connectionId: string }): void
  /** The raw socket is closed. */
  connectionClosed?(event: AboutPeer & { readonly connectionId: string }): void
  /** Something threw that must not: `identify`, the admitter, a listener of the WebSocket server, or this observer. */
  faulted?(event: AboutPeer & { readonly error: unknown }): void
}

/**
 * The same observer, which neither throws nor rejects: it is called inside socket events, where both end the process.
 */
export function guardedObserver(observer: GateObserver): Required<GateObserver> {
  const complain = (error: unknown) => console.error('headcount: what was handed to the gate threw', error)
  const faulted: Required<GateObserver>['faulted'] = (event) => {
    if (!observer.faulted) complain(event.error)
    else tell((event) => observer.faulted!(event), event, complain)
  }
  const failed = (error: unknown, event: AboutPeer) => faulted({ ...peerOf(event), error })
  return {
    upgradeRefused: (event) => tell((event) => observer.upgradeRefused?.(event), event, failed),
    connectionOpened: (event) => tell((event) => observer.connectionOpened?.(event), event, failed),
    connectionClosed: (event) => tell((event) => observer.connectionClosed?.(event), event, failed),
    faulted,
  }
}

export function about({ identity, address, closing }: Upgrade): AboutPeer {
  return { org: identity?.org, gateway: identity?.gateway, address, closing }
}

export function aboutConnection({ identity, address, closing }: Upgrade, connectionId: string) {
  return { org: identity?.org, gateway: identity?.gateway, address, closing, connectionId }
}

function peerOf({ org, gateway, address, closing }: AboutPeer): AboutPeer {
  return { org, gateway, address, closing }
}
