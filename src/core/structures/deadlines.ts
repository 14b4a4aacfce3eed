import type { Clock } from '../clock.js'
import { Line } from './line.js'

/** What waits for a deadline. Both are for `Deadlines` to set. */
export interface Waiting {
  waitsSinceMs: number
  turn: number
}

/**
 * Those that wait, each for the same time at most: whoever came first is always the next to give up, so one timer
 * serves them all. It is left to run when nobody waits, because thousands a second would set and clear it.
 */
export class Deadlines<T extends Waiting> {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #expired: (member: T) => void
  readonly #line = new Line<T>()
  #cancel: (() => void) | undefined

  /** `expired` is told of each member whose time is over, the first to come first; it is no member any more then. */
  constructor(clock: Clock, afterMs: number, expired: (member: T) => void) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#expired = expired
  }

  get size(): number {
    return this.#line.size
  }

  /** All that wait, in the order in which they came. */
  members(): T[] {
    return this.#line.members()
  }

  add(member: T): void {
    member.waitsSinceMs = this.#clock.monotonicMs()
    member.turn = this.#line.push(member)
    if (this.#cancel === undefined) this.#lookAfter(this.#afterMs)
  }

  remove(member: T): void {
    this.#line.remove(member.turn)
  }

  /** Stops the timer, unless somebody waits: to be called when none will come soon. */
  rest(): void {
    if (this.size === 0) this.stop()
  }

  /** Forgets everybody, and stops the timer. */
  stop(): void {
    this.#line.clear()
    this.#cancel?.()
    this.#cancel = undefined
  }

  #lookAfter(delayMs: number): void {
    this.#cancel?.()
    this.#cancel = this.#clock.after(Math.max(1, delayMs), () => this.#look())
  }

  #look(): void {
    this.#cancel = undefined
    const nowMs = this.#clock.monotonicMs()
    for (let oldest = this.#line.first; oldest !== undefined; oldest = this.#line.first) {
      const leftMs = this.#afterMs - (nowMs - oldest.waitsSinceMs)
      if (leftMs > 0) {
        this.#lookAfter(leftMs)
        return
      }
      this.remove(oldest)
      this.#tell(oldest)
    }
  }

  /** One that throws must not leave the others without their end. */
  #tell(member: T): void {
    let isTold = false
    try {
      this.#expired(member)
      isTold = true
    } finally {
      if (!isTold && this.size > 0) this.#lookAfter(1)
    }
  }
}
