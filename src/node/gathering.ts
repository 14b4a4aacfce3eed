import type { Clock } from '../core/clock.js'

/**
 * Of so many turns of the event loop a call waits for those that may share it, and no longer than so many ms: turns may be
 * long, and who waits here uses up the deadline of the call.
 */
const MOST_TURNS = 8
const MOST_MS = 2

interface GatheringParts {
  readonly clock: Pick<Clock, 'soon' | 'monotonicMs'>
  /** How many wait for the next call, and how many fill it. */
  readonly waiting: () => number
  readonly mostInCall: number
  /** Whether anybody else is waiting, or in a call that is under way. */
  readonly hasCompany: () => boolean
  readonly call: () => void
}

/**
 * Puts off a call for those that come in the next turns of the event loop, as long as each of them brings somebody: a call
 * costs the node and Redis several times what one more in it does, and a node with much to do takes in one or two upgrades a
 * turn. Who is alone waits for nobody, and a turn of a node that has nothing else to do takes some microseconds.
 */
export class Gathering {
  readonly #parts: GatheringParts
  #isOn = false

  constructor(parts: GatheringParts) {
    this.#parts = parts
  }

  /** To be told whenever somebody begins to wait. */
  begin(): void {
    if (this.#isOn) return
    this.#isOn = true
    this.#goOn({ before: 0, turnsLeft: MOST_TURNS, endMs: this.#parts.clock.monotonicMs() + MOST_MS })
  }

  #goOn({ before, turnsLeft, endMs }: { before: number; turnsLeft: number; endMs: number }): void {
    const { clock, waiting, mostInCall, hasCompany, call } = this.#parts
    clock.soon(() => {
      const count = waiting()
      const mayWait = turnsLeft > 0 && count < mostInCall && clock.monotonicMs() < endMs
      if (mayWait && count > before && hasCompany()) {
        return this.#goOn({ before: count, turnsLeft: turnsLeft - 1, endMs })
      }
      this.#isOn = false
      call()
    })
  }
}
