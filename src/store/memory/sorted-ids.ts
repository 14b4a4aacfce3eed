/** Ids in their order, of which one comes or goes at a time: to sort thousands for each page would be the most of its work. */
export class SortedIds {
  readonly #ids: string[] = []

  /** The id must not be among them. */
  add(id: string): void {
    this.#ids.splice(this.#placeOf(id), 0, id)
  }

  /** The id must be among them. */
  remove(id: string): void {
    this.#ids.splice(this.#placeOf(id), 1)
  }

  page(from: number, count: number): string[] {
    return this.#ids.slice(from, from + count)
  }

  /** Of the first that does not come before it. */
  #placeOf(id: string): number {
    let [low, high] = [0, this.#ids.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ids[middle]! < id) low = middle + 1
      else high = middle
    }
    return low
  }
}
