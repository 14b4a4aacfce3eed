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

/**
 * Hears what happens at the gate, for logs, metrics and events. Nothing waits for it. What it throws is told to its own
 * `faulted`, or to the console where there is none or that throws too, and harms no connection.
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

/** The same observer, which neither throws nor rejects: it is called inside socket events, where both end the process. */
export function guardedObserver(observer: GateObserver): Required<GateObserver> {
  const complain = (error: unknown) => console.error('headcount: what was handed to the gate threw', error)
  const faulted: Required<GateObserver>['faulted'] = (event) => {
    if (!observer.faulted) complain(event.error)
    else attempt(() => observer.faulted!(event), complain)
  }
  const safely = <E extends AboutPeer>(hear: (event: E) => unknown) => {
    return (event: E) =>
      attempt(
        () => hear(event),
        (error) => faulted({ ...peerOf(event), error }),
      )
  }
  return {
    upgradeRefused: safely((event) => observer.upgradeRefused?.(event)),
    connectionOpened: safely((event) => observer.connectionOpened?.(event)),
    connectionClosed: safely((event) => observer.connectionClosed?.(event)),
    faulted,
  }
}

/** An asynchronous observer is not waited for, but its rejection would end the process as well. */
function attempt(task: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = task()
    if (result instanceof Promise) result.catch(failed)
  } catch (error) {
    failed(error)
  }
}

function peerOf({ org, gateway, address, closing }: AboutPeer): AboutPeer {
  return { org, gateway, address, closing }
}
