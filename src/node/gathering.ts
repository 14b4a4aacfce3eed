import type { Clock } from '../core/clock.js'

/** Of so many turns of the event loop a call waits for those that may share it. */
const MOST_TURNS = 8

interface GatheringParts {
  readonly clock: Pick<Clock, 'soon'>
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
    this.#goOn(0, MOST_TURNS)
  }

  #goOn(before: number, turnsLeft: number): void {
    const { clock, waiting, mostInCall, hasCompany, call } = this.#parts
    clock.soon(() => {
      const count = waiting()
      if (count > before && count < mostInCall && turnsLeft > 0 && hasCompany()) return this.#goOn(count, turnsLeft - 1)
      this.#isOn = false
      call()
    })
  }
}
