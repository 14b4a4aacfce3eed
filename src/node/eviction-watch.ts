import type { EventBus } from '../core/events.js'
import { mayEvictSlots } from '../core/eviction-policy.js'

/** Tells of each policy under which the store may throw slots away, once until it has another: it may change at any time. */
export class EvictionWatch {
  readonly #events: EventBus
  #last = ''

  constructor(events: EventBus) {
    this.#events = events
  }

  /** To be told of what the store says, empty where it does not. */
  heard(evictionPolicy: string): void {
    if (evictionPolicy === '' || evictionPolicy === this.#last) return
    this.#last = evictionPolicy
    if (mayEvictSlots(evictionPolicy)) this.#events.emit('store.misconfigured', { evictionPolicy })
  }
}
