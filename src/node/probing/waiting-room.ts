import { FairShare } from '../../core/fair-share.js'

/**
 * So many may wait at a time, of one org never more than are left for others (S5). Each may ask the store four times a
 * second: all of them together a fiftieth of what one Redis can decide.
 */
const MAX_WAITERS = 512

/**
 * Where refused admissions wait while somebody is asked whether he is still there: one room for a process, however many
 * buckets it has, since its sockets and its Redis are bounded as a whole too.
 */
export class WaitingRoom {
  readonly #places = new FairShare(MAX_WAITERS)

  /** False where there is no place for this org; else it has one more until `leave`. */
  enter(org: string): boolean {
    return this.#places.enter(org)
  }

  leave(org: string): void {
    this.#places.leave(org)
  }
}
