import type { Clock } from '../../core/clock.js'
import { MAX_ITEMS } from '../../store/lease-store.js'

/**
 * Of so many turns of the event loop a call waits for those that may share it, and no longer than so many ms: turns may
 * be long, and who waits here uses up the deadline of the call.
 */
const MOST_TURNS = 8
const MOST_MS = 2

interface GatheringParts {
  readonly clock: Pick<Clock, 'soon' | 'monotonicMs'>
  /** How many wait for the next call. */
  readonly waiting: () => number
  /** Whether anybody else is waiting, or in a call that is under way. */
  readonly hasCompany: () => boolean
  readonly call: () => void
}

/**
 * Puts off a call for those that come in the next turns of the event loop, as long as each of them brings somebody: a
 * call costs the node and Redis several times what one more in it does, and a node with much to do takes in one or two
 * upgrades a turn. Who is alone waits for nobody, and a turn of a node that has nothing else to do takes some
 * microseconds.
 */
export class Gathering {
  readonly #parts: GatheringParts
  #isOn = false
  /** How many waited a turn ago. */
  #before = 0
  #turnsLeft = 0
  #endMs = 0

  constructor(parts: GatheringParts) {
    this.#parts = parts
  }

  /** To be told whenever somebody begins to wait. */
  begin(): void {
    if (this.#isOn) return
    this.#isOn = true
    this.#before = 0
    this.#turnsLeft = MOST_TURNS
    this.#endMs = this.#parts.clock.monotonicMs() + MOST_MS
    this.#parts.clock.soon(this.#turn)
  }

  /** Of the object, because one for each turn would be garbage of every turn. */
  readonly #turn = (): void => {
    const { clock, waiting, hasCompany, call } = this.#parts
    const count = waiting()
    const mayWait = this.#turnsLeft > 0 && count < MAX_ITEMS && clock.monotonicMs() < this.#endMs
    if (mayWait && count > this.#before && hasCompany()) {
      this.#before = count
      this.#turnsLeft--
      clock.soon(this.#turn)
      return
    }
    this.#isOn = false
    call()
  }
}
