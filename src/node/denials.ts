import type { Denied } from '../core/admission.js'
import type { EventBus } from '../core/events.js'
import type { LeaseTiming } from '../core/lease-timing.js'
import { retryAfterMs } from '../core/retry-after.js'
import type { Claim } from '../store/lease-store.js'
import type { Refusal } from './refusal.js'

/** Puts refusals into words, tells of them, and says when to come back. */
export class Denials {
  readonly #events: EventBus
  readonly #timing: LeaseTiming
  readonly #random: () => number

  constructor(parts: { events: EventBus; timing: LeaseTiming; random: () => number }) {
    this.#events = parts.events
    this.#timing = parts.timing
    this.#random = parts.random
  }

  deny(claim: Claim, { cause, freeInMs, ...denied }: Refusal): Denied {
    // An expired lease is declared dead by the next renewal of any node.
    const expectedMs = freeInMs === undefined ? undefined : freeInMs + this.#timing.renewIntervalMs
    this.#events.emit('admission.denied', { ...denied, org: claim.scopes[0].id, ...(cause && { cause }) })
    return { admitted: false, ...denied, retryAfterMs: retryAfterMs(expectedMs, this.#random) }
  }
}
