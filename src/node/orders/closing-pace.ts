/**
 * So many are closed at once, and then nobody for a while: so that who is evicted in thousands does not come back as
 * one crowd.
 */
const CLOSED_AT_ONCE = 64
export const PACE_PAUSE_MS = 250

/**
 * The pace of a process, however many buckets it has: their lines share one event loop, and who is closed comes back to
 * the same nodes. Those that are not empty have equal parts of it.
 */
export class ClosingPace {
  #lines = 0

  /** A line has somebody to close, until `leave`. */
  enter(): void {
    this.#lines++
  }

  leave(): void {
    this.#lines--
  }

  /** So many one line may close, once in `PACE_PAUSE_MS`. */
  get atOnce(): number {
    return Math.ceil(CLOSED_AT_ONCE / this.#lines)
  }
}
