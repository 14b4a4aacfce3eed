import type { Clock } from '../../core/clock.js'
import { elapsedMs, type Moment } from './moment.js'

/**
 * Calls once when `afterMs` have passed since the last moment it was told of, by whichever clock has advanced more.
 * Looks again when the timer is early by the other clock, so a pause or a jump is never overlooked for long.
 */
export class LapseWatch {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #lapsed: () => void
  #since: Moment | undefined
  #cancel: () => void = () => {}

  constructor(clock: Clock, afterMs: number, lapsed: () => void) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#lapsed = lapsed
  }

  restart(since: Moment): void {
    this.#since = since
    this.look()
  }

  stop(): void {
    this.#since = undefined
    this.#cancel()
  }

  /** Also to be called where it matters that a timer may be late. */
  look(): void {
    this.#cancel()
    if (!this.#since || this.#afterMs === Number.POSITIVE_INFINITY) return
    const leftMs = this.#afterMs - elapsedMs(this.#clock, this.#since)
    if (leftMs > 0) {
      this.#cancel = this.#clock.after(leftMs, () => this.look())
      return
    }
    this.#since = undefined
    this.#lapsed()
  }
}
