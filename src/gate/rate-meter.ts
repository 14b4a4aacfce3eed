import { LRUCache } from 'lru-cache'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'

export interface RateMeterOptions {
  /** Attempts of one name in a window. */
  readonly most: number
  readonly windowSeconds?: number
  /** Names that are remembered; above that the one that has been quiet for longest is forgotten. */
  readonly maxNames?: number
}

/** About 430 bytes each. */
const MAX_NAMES = 50_000

/**
 * Counts attempts by name. A name's window begins with its first attempt and lasts a minute, whatever is refused in it,
 * so what a refusal says of the time left is true. Each call counts or looks at once, though it answers later.
 *
 * Who invents names faster than they are forgotten gets a new window for each, but no more memory: that is what a limit
 * for the whole node is for.
 */
export class RateMeter {
  readonly #counts: RateLimiterMemory
  readonly #windowMs: number
  readonly #names: LRUCache<string, true>

  constructor({ most, windowSeconds = 60, maxNames = MAX_NAMES }: RateMeterOptions) {
    this.#counts = new RateLimiterMemory({ points: most, duration: windowSeconds, keyPrefix: '' })
    this.#windowMs = windowSeconds * 1_000
    this.#names = new LRUCache({ max: maxNames, dispose: (_, name) => void this.#counts.delete(name) })
  }

  /** How many names are remembered. */
  get size(): number {
    return this.#names.size
  }

  /** Counts an attempt, and says the how manieth of its window it is, and whether it has used up the last of them. */
  async nth(name: string): Promise<{ nth: number; isLast: boolean }> {
    const { consumedPoints: nth } = await this.#add(name)
    return { nth, isLast: nth === this.#counts.points }
  }

  /** Counts an attempt: `undefined` where there is room for it, else the milliseconds until there will be. */
  async count(name: string): Promise<number | undefined> {
    const counted = await this.#add(name)
    return counted.consumedPoints > this.#counts.points ? this.#leftMs(counted) : undefined
  }

  /**
   * The milliseconds until a name that has used up its attempts has some again; `undefined` for others. Counts nothing.
   */
  async exhaustedMs(name: string): Promise<number | undefined> {
    const found = await this.#counts.get(name)
    return found && found.consumedPoints >= this.#counts.points ? this.#leftMs(found) : undefined
  }

  /** Forgets all, and with each name the timer of its window. */
  stop(): void {
    this.#names.clear()
  }

  /** Counts and answers in one: attempts at the same moment have a number each. `consume` throws what this answers. */
  #add(name: string): Promise<RateLimiterRes> {
    this.#names.set(name, true)
    return this.#counts.penalty(name)
  }

  /** The end of a window is kept on the wall clock, which may be set back. */
  #leftMs({ msBeforeNext }: RateLimiterRes): number {
    return Math.min(msBeforeNext, this.#windowMs)
  }
}
