import { type Clock, SPELL_MS } from '../../core/clock.js'

/**
 * The verbs of this store answer at once, and so whoever says thousands of them one after the other, as for an org that
 * is evicted, would keep the event loop from turning until the last. After some ms of them the next wait for a turn.
 */
export class Turns {
  readonly #clock: Clock
  /** When the first verb of this turn was said. */
  #sinceMs: number | undefined
  #next: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What is to be waited for first; `undefined` where there is time. */
  get wait(): Promise<void> | undefined {
    if (this.#next) return this.#next
    const nowMs = this.#clock.monotonicMs()
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs
      this.#clock.soon(() => {
        this.#sinceMs = undefined
      })
    } else if (nowMs - this.#sinceMs >= SPELL_MS) {
      this.#next = new Promise<void>((resolve) => this.#clock.soon(resolve)).then(() => {
        this.#next = undefined
        this.#sinceMs = undefined
      })
    }
    return this.#next
  }
}
