/** So many holes at the front are kept, at least, before a line is made shorter. */
const SPARE = 256

/**
 * First come, first served; and whoever leaves early leaves a hole. Each is known by its turn, counted from the first
 * that ever came. No map, because of its garbage (ADR 23).
 */
export class Line<T> {
  #queue: (T | undefined)[] = []
  /** The turn of the first in the array, and how many holes it begins with. */
  #firstTurn = 0
  #holes = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The places that it takes in memory, those of holes included. */
  get span(): number {
    return this.#queue.length
  }

  get first(): T | undefined {
    return this.#queue[this.#holes]
  }

  /** In the order in which they came. */
  members(): T[] {
    return this.#queue.filter((member) => member !== undefined)
  }

  /** Returns the member's turn. */
  push(member: T): number {
    this.#size++
    return this.#firstTurn + this.#queue.push(member) - 1
  }

  /** Harmless where it has left, or been taken. */
  remove(turn: number): void {
    const place = turn - this.#firstTurn
    if (this.#queue[place] === undefined) return
    this.#queue[place] = undefined
    this.#size--
    this.#closeUp()
  }

  /** The first so many, who are in the line no more. */
  take(most: number): T[] {
    const taken: T[] = []
    for (let { first } = this; first !== undefined && taken.length < most; first = this.first) {
      taken.push(first)
      this.remove(this.#firstTurn + this.#holes)
    }
    return taken
  }

  clear(): void {
    this.#firstTurn += this.#queue.length
    this.#queue = []
    this.#holes = 0
    this.#size = 0
  }

  #closeUp(): void {
    while (this.#holes < this.#queue.length && this.#queue[this.#holes] === undefined) this.#holes++
    if (this.#holes < SPARE || this.#holes * 2 < this.#queue.length) return
    this.#queue = this.#queue.slice(this.#holes)
    this.#firstTurn += this.#holes
    this.#holes = 0
  }
}
