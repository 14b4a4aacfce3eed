/** Random numbers from a seed, the same on every machine (mulberry32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** At least 0, below 1. */
  roll(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.roll() * (most - least + 1))
  }

  between(least: number, most: number): number {
    return least + this.roll() * (most - least)
  }

  /** Many short times and few long ones, as the lives of connections are. */
  exponential(mean: number): number {
    return -Math.log(1 - this.roll()) * mean
  }

  oneOf<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('there is nothing to choose from')
    return items[this.whole(0, items.length - 1)]!
  }

  shuffled<T>(items: readonly T[]): T[] {
    const deck = [...items]
    for (let last = deck.length - 1; last > 0; last--) {
      const other = this.whole(0, last)
      ;[deck[last], deck[other]] = [deck[other]!, deck[last]!]
    }
    return deck
  }
}
