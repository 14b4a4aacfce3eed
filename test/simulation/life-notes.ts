import type { MemoryTables } from '../../src/store/memory/tables.js'

/** What is noted of connections in the life that the store has now; what it loses with its memory is lost here too. */
export class LifeNotes {
  readonly #lives = new WeakMap<MemoryTables, { readonly epoch: string | undefined; readonly noted: Set<string> }>()

  of(tables: MemoryTables): Set<string> {
    const known = this.#lives.get(tables)
    if (known?.epoch === tables.epoch && known) return known.noted
    const noted = new Set<string>()
    this.#lives.set(tables, { epoch: tables.epoch, noted })
    return noted
  }
}
