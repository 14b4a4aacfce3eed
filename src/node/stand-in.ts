import { type Clock, elapsedMs, type Moment } from '../core/clock.js'
import type { HeldConnections } from './held-connections.js'
import type { Policies } from './policies.js'

/**
 * Decides in the store's place while it does not answer (R2). What it admits is debt: the store learns of it when it is
 * back, whether there is room or not. `local` is no exact limit: orgs whose connections are spread unevenly over the
 * nodes may exceed theirs, by at most the shares of the nodes that held none.
 */
export class StandIn {
  readonly #clock: Clock
  readonly #policies: Policies
  readonly #held: HeldConnections
  #heardAt: Moment | undefined
  #nodes = 1

  constructor(clock: Clock, policies: Policies, held: HeldConnections) {
    this.#clock = clock
    this.#policies = policies
    this.#held = held
  }

  /** The store answered: how many nodes live, and when it was asked. */
  heard(at: Moment, liveNodes: number): void {
    this.#heardAt = at
    this.#nodes = Math.max(1, liveNodes)
  }

  /** Whether an org may have one more connection here; `undefined` when it is not for this node to say. */
  decide(org: string, limit: number): { readonly count: number; readonly limit: number } | undefined {
    const { onStoreDown, storeDownTimeMs } = this.#policies
    if (onStoreDown === 'deny' || !this.#heardAt) return undefined
    if (elapsedMs(this.#clock, this.#heardAt) > storeDownTimeMs) return undefined
    const share = onStoreDown === 'allow' ? Number.POSITIVE_INFINITY : Math.floor(limit / this.#nodes)
    const count = this.#held.heldBy(org)
    return count < share ? { count: count + 1, limit } : undefined
  }
}
