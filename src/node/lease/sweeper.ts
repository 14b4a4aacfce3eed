import type { EventBus } from '../../core/events.js'
import type { IndexEntry } from '../../store/lease-store.js'
import type { Session } from './session.js'

/**
 * Removes what dead leases left behind, one lease at a time, one bounded step at a time. Every node does it: two at
 * once do no harm, and no node has to be chosen.
 */
export class Sweeper {
  readonly #events: EventBus
  readonly #todo = new Set<number>()
  #busy = false

  constructor(events: EventBus) {
    this.#events = events
  }

  /** Told at every renewal which leases are dead; what a broken session leaves undone is told again by the next. */
  take(session: Session, dead: readonly number[]): void {
    for (const lease of dead) this.#todo.add(lease)
    if (!this.#busy && this.#todo.size > 0) void this.#work(session)
  }

  async #work(session: Session): Promise<void> {
    this.#busy = true
    try {
      for (const lease of this.#todo) {
        this.#todo.delete(lease)
        if (!(await this.#sweep(session, lease))) break
      }
    } finally {
      this.#todo.clear()
      this.#busy = false
    }
  }

  async #sweep(session: Session, lease: number): Promise<boolean> {
    let entries: readonly IndexEntry[] = []
    let swept = 0
    do {
      const batch = entries
      const reply = await session.call((connection, fence) => connection.sweep(fence, lease, batch))
      if (reply.status !== 'ok') return false
      swept += batch.length
      entries = reply.value.next
    } while (entries.length > 0)
    this.#events.emit('lease.swept', { lease, connections: swept })
    return true
  }
}
