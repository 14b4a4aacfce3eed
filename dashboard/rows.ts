export interface Row {
  readonly element: HTMLElement
}

/**
 * Rows that stand for things with a name. A thing keeps its row, so that what is selected, focused or under the pointer
 * stays what it is while the data changes; only rows that are out of place are moved.
 */
export class Rows<T, R extends Row> {
  readonly #parent: HTMLElement
  readonly #make: (key: string) => R
  readonly #fill: (row: R, item: T) => void
  readonly #rows = new Map<string, R>()

  constructor(parent: HTMLElement, make: (key: string) => R, fill: (row: R, item: T) => void) {
    this.#parent = parent
    this.#make = make
    this.#fill = fill
  }

  show(items: readonly T[], keyOf: (item: T) => string): void {
    const focused = document.activeElement
    const wanted = new Set(items.map(keyOf))
    for (const [key, row] of this.#rows) {
      if (wanted.has(key)) continue
      row.element.remove()
      this.#rows.delete(key)
    }
    items.forEach((item, place) => {
      const key = keyOf(item)
      let row = this.#rows.get(key)
      if (!row) {
        row = this.#make(key)
        this.#rows.set(key, row)
      }
      this.#fill(row, item)
      const there = this.#parent.children[place] ?? null
      if (there !== row.element) this.#parent.insertBefore(row.element, there)
    })
    // Moving a row takes the focus out of it.
    if (focused instanceof HTMLElement && focused !== document.activeElement && this.#parent.contains(focused)) {
      focused.focus({ preventScroll: true })
    }
  }
}
