/** A small deterministic generator (mulberry32), so that one number replays a whole run. */
export class Dice {
  #state: number

  /** `purpose` gives each thing that is random dice of its own: leaving one out does not change what others throw. */
  constructor(seed: number, purpose = '') {
    let hash = (seed ^ 0x811c9dc5) >>> 0
    for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193) >>> 0
    this.#state = hash
  }

  /** In [0, 1). */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** A whole number in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.int(0, list.length - 1)]
  }
}
