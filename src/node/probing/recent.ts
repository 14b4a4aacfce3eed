import type { Clock } from '../../core/clock.js'

const PAUSE_MS = 1_000
/** Who fills more orgs at a time does without. */
const MAX_KEYS = 1_000

/**
 * What was made for a key within the last second, so that nothing is made for it twice. Knows so many keys at most, and
 * forgets as others are asked for: it has no timer.
 */
export class Recent<T> {
  readonly #clock: Clock
  readonly #isOver: (made: T) => boolean
  /** The oldest first. */
  readonly #made = new Map<string, { readonly atMs: number; readonly what: T }>()

  /** What is not over is not forgotten, however old. */
  constructor(clock: Clock, isOver: (made: T) => boolean = () => true) {
    this.#clock = clock
    this.#isOver = isOver
  }

  /** What `make` makes, unless something is known already; `undefined` where too many keys are. */
  get(key: string, make: () => T): T | undefined {
    const nowMs = this.#clock.monotonicMs()
    this.#forget(nowMs)
    const known = this.#made.get(key)
    if (known || this.#made.size >= MAX_KEYS) return known?.what
    const what = make()
    this.#made.set(key, { atMs: nowMs, what })
    return what
  }

  #forget(nowMs: number): void {
    for (const [key, { atMs, what }] of this.#made) {
      if (nowMs - atMs < PAUSE_MS) break
      if (this.#isOver(what)) this.#made.delete(key)
    }
  }
}
