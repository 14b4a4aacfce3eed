/**
 * Places of which nobody may hold more than are left free: one alone gets at most half, and however many one wants, there
 * is always one for another. The dynamic threshold of shared-memory switches (Choudhury and Hahne, 1998), its factor 1.
 */
export class FairShare {
  readonly #places: number
  readonly #held = new Map<string, number>()
  #taken = 0

  constructor(places: number) {
    this.#places = places
  }

  /** False where `who` has its share; else it holds one more until `leave`. */
  enter(who: string): boolean {
    const own = this.#held.get(who) ?? 0
    if (own >= this.#places - this.#taken) return false
    this.#held.set(who, own + 1)
    this.#taken++
    return true
  }

  leave(who: string): void {
    const left = this.#held.get(who)! - 1
    if (left > 0) this.#held.set(who, left)
    else this.#held.delete(who)
    this.#taken--
  }
}
