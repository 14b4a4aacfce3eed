import type { Clock } from '../../core/clock.js'

/** What the store said last of how long it admits nobody because it had lost its memory. */
export class Recovery {
  readonly #clock: Clock
  #lastMs = 0
  #untilMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** As it was said, 0 where the store admits. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** What is left of that, below 0 where the store was not asked again in time; `undefined` where it admits. */
  get leftMs(): number | undefined {
    return this.#untilMs === undefined ? undefined : this.#untilMs - this.#clock.monotonicMs()
  }

  /** Counted from when the answer came: the store counted from earlier on. */
  heard(recoveryMs: number): void {
    this.#lastMs = recoveryMs
    this.#untilMs = recoveryMs > 0 ? this.#clock.monotonicMs() + recoveryMs : undefined
  }
}
