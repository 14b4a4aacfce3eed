import { type Clock, sleep } from '../core/clock.js'
import type { Census } from './census.js'
import type { Identity } from './identify.js'
import type { Upgrade } from './upgrade.js'

const PACE_MS = 50
/** So many are looked at in one turn of the event loop, and so many of them closed at most: 1,000 a second. */
const LOOKED_AT_ONCE = 2_000
const CLOSED_AT_ONCE = 50

export interface RevokerParts {
  readonly census: Census<Upgrade>
  readonly mayStay: (identity: Identity) => boolean
  readonly close: (upgrade: Upgrade) => void
  readonly clock: Clock
  /** A walk ends early when it says no. */
  readonly goesOn: () => boolean
}

/**
 * Closes every open connection whose identity may not stay, at a pace: a key may have thousands of connections, and
 * their clients come back at once. One walk over all connections at a time, and one in 50 ms: what is revoked
 * meanwhile, be it thousands of keys one by one, waits for the next.
 */
export class Revoker {
  readonly #parts: RevokerParts
  #isWanted = false
  #walking: Promise<void> | undefined
  #walkedAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: RevokerParts) {
    this.#parts = parts
  }

  /** Resolves when whoever may not stay now is closed, and whoever was revoked meanwhile. */
  run(): Promise<void> {
    this.#isWanted = true
    this.#walking ??= this.#walkWhileWanted()
    return this.#walking
  }

  async #walkWhileWanted(): Promise<void> {
    const { clock } = this.#parts
    try {
      while (this.#isWanted) {
        const restMs = this.#walkedAtMs + PACE_MS - clock.monotonicMs()
        if (restMs > 0) await sleep(clock, restMs)
        this.#isWanted = false
        await this.#walk()
        this.#walkedAtMs = clock.monotonicMs()
      }
    } finally {
      this.#walking = undefined
    }
  }

  async #walk(): Promise<void> {
    const { census, mayStay, close, clock, goesOn } = this.#parts
    let looked = 0
    let closed = 0
    for (const upgrade of census.list('open')) {
      if (upgrade.closing === undefined && !mayStay(upgrade.identity!)) {
        close(upgrade)
        closed++
      }
      if (++looked < LOOKED_AT_ONCE && closed < CLOSED_AT_ONCE) continue
      await sleep(clock, closed < CLOSED_AT_ONCE ? 0 : PACE_MS)
      if (!goesOn()) return
      looked = 0
      closed = 0
    }
  }
}
