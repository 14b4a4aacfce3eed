import type { Clock } from '../core/clock.js'
import { FairShare } from '../core/structures/fair-share.js'

/** Questions that the platform may have at a time. */
export const CALLBACK_PLACES = 32
/** So many as the rounds ask at once are kept for them: nobody who makes up credentials holds up a revocation. */
const KEPT_FOR_ROUNDS = 4
/** Fewer than the upgrades that may wait for a decision, so that whoever has a key of the file finds room among those. */
const MOST_WAITING = 512
/** An upgrade is decided within 3 s, and the answer of the platform may take 2 s of them. */
const PATIENCE_MS = 750

type Leave = () => void

/**
 * The places of the questions that a platform has not answered. An attempt that finds none waits for one, in a room of
 * which no address has more than it leaves to others; the addresses take turns, so that an attempt is not held up by how
 * many come from elsewhere, but by how many elsewheres there are. Whoever finds no room, or no place within 750 ms, is
 * not asked about.
 */
export class CallbackPlaces {
  readonly #clock: Clock
  readonly #room = new FairShare(MOST_WAITING)
  /** By address; the address whose turn is next comes first. */
  readonly #waiting = new Map<string, Set<() => void>>()
  #taken = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How to give the place back, or `undefined` where there is none. */
  ofRound(): Leave | undefined {
    return this.#taken < CALLBACK_PLACES ? this.#take() : undefined
  }

  /** The same, of an attempt from an address. */
  async ofAttempt(address: string): Promise<Leave | undefined> {
    if (this.#isFree()) return this.#take()
    if (!this.#room.enter(address)) return undefined
    const isCalled = await this.#turn(address)
    this.#room.leave(address)
    return isCalled ? this.#leave : undefined
  }

  /** Of one that waits for the answer to a question that another has asked: it takes room, and no place. */
  ofJoiner(address: string): Leave | undefined {
    return this.#room.enter(address) ? () => this.#room.leave(address) : undefined
  }

  /** Whether its turn came in time; then the place is taken already. */
  #turn(address: string): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(address) ?? new Set()
      this.#waiting.set(address, waiting)
      const end = (isCalled: boolean) => {
        cancel()
        waiting.delete(call)
        if (waiting.size === 0) this.#waiting.delete(address)
        resolve(isCalled)
      }
      const call = () => end(true)
      const cancel = this.#clock.after(PATIENCE_MS, () => end(false))
      waiting.add(call)
    })
  }

  #isFree(): boolean {
    return this.#taken < CALLBACK_PLACES - KEPT_FOR_ROUNDS
  }

  #take(): Leave {
    this.#taken++
    return this.#leave
  }

  readonly #leave = () => {
    this.#taken--
    for (const [address, waiting] of this.#waiting) {
      if (!this.#isFree()) return
      const [call] = waiting
      this.#take()
      call!()
      // Its next one waits until all others had theirs.
      if (this.#waiting.delete(address)) this.#waiting.set(address, waiting)
    }
  }
}
