import { FairShare } from '../../core/structures/fair-share.js'
import type { ScopeRef } from '../../store/lease-store.js'

/**
 * So many may wait at a time, of one org never more than are left for others (S5). Each may ask the store four times a
 * second: all of them together a fiftieth of what one Redis can decide.
 */
export const MAX_WAITERS = 512
/** Of those that name one instance one can win; a few, because a client that gave up may not have been missed yet. */
const MAX_OF_INSTANCE = 4

/**
 * Where refused admissions wait while somebody is asked whether he is still there: one room for a process, however many
 * buckets it has, since its sockets and its Redis are bounded as a whole too.
 */
export class WaitingRoom {
  readonly #places = new FairShare(MAX_WAITERS)
  /** How many wait of an instance. */
  readonly #ofInstance = new Map<string, number>()

  /** False where there is no place for this org, or this instance of it; else it has one more until `leave`. */
  enter(org: string, instance?: ScopeRef): boolean {
    if (!instance) return this.#places.enter(org)
    const already = this.#ofInstance.get(instance.id) ?? 0
    if (already >= MAX_OF_INSTANCE || !this.#places.enter(org)) return false
    this.#ofInstance.set(instance.id, already + 1)
    return true
  }

  leave(org: string, instance?: ScopeRef): void {
    this.#places.leave(org)
    if (!instance) return
    const left = this.#ofInstance.get(instance.id)! - 1
    if (left > 0) this.#ofInstance.set(instance.id, left)
    else this.#ofInstance.delete(instance.id)
  }
}
