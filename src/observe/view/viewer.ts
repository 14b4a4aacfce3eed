/** Somebody who watches. Who is slow misses what came between: nothing is queued but the newest. */
export class Viewer<T> {
  #newest: T | undefined
  #wake: (() => void) | undefined
  #over = false

  show(event: T): void {
    this.#newest = event
    this.#wake?.()
  }

  /** The newest that was not taken yet, as soon as there is one; `undefined` when it is over. */
  async next(): Promise<T | undefined> {
    if (!this.#over && this.#newest === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#over) return undefined
    const event = this.#newest
    this.#newest = undefined
    return event
  }

  end(): void {
    this.#over = true
    this.#wake?.()
  }
}
