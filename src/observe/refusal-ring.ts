/** The newest so many of what is added; memory is bounded by that. */
export class RefusalRing<T> {
  readonly #most: number
  readonly #items: T[] = []
  #next = 0

  constructor(most: number) {
    this.#most = most
  }

  add(item: T): void {
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#most
  }

  /** The newest first. */
  list(): T[] {
    return [...this.#items.slice(0, this.#next).reverse(), ...this.#items.slice(this.#next).reverse()]
  }
}
