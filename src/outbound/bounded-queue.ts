/**
 * First in, first out, with a bound: one more drops the one that has waited longest. No call costs more when it is
 * long.
 */
export class BoundedQueue<T> {
  readonly #slots: (T | undefined)[]
  #first = 0
  #size = 0

  constructor(capacity: number) {
    this.#slots = new Array<T | undefined>(capacity)
  }

  get size(): number {
    return this.#size
  }

  /** Returns the member that was dropped for this one, if one was. */
  push(member: T): T | undefined {
    const dropped = this.#size === this.#slots.length ? this.take(1)[0] : undefined
    this.#slots[(this.#first + this.#size++) % this.#slots.length] = member
    return dropped
  }

  /** Takes out at most `count`, the oldest first. */
  take(count: number): T[] {
    const taken: T[] = []
    while (taken.length < count && this.#size > 0) {
      taken.push(this.#slots[this.#first]!)
      this.#slots[this.#first] = undefined
      this.#first = (this.#first + 1) % this.#slots.length
      this.#size--
    }
    return taken
  }
}
