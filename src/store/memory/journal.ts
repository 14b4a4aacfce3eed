import { bounded } from '../bounded.js'
import { JOURNAL_ENTRIES, type Journal, type JournalEntry, type JournalPage, type JournalRange } from '../journal.js'

/** The journal in this process. */
export class MemoryJournal implements Journal {
  readonly #entries: (JournalEntry & { readonly place: number })[] = []
  readonly #totals = { admitted: 0, refused: 0 }
  #last = 0

  async note({ entries, admitted, refused }: JournalPage): Promise<void> {
    bounded(entries)
    for (const text of entries) {
      const place = ++this.#last
      this.#entries.push({ id: `${place}-0`, text, place })
    }
    this.#entries.splice(0, this.#entries.length - JOURNAL_ENTRIES)
    this.#totals.admitted += admitted
    this.#totals.refused += refused
  }

  async read({ before, after, limit }: JournalRange): Promise<JournalEntry[]> {
    const [from, to] = [placeOf(after) ?? 0, placeOf(before) ?? Number.POSITIVE_INFINITY]
    const found = this.#entries.filter(({ place }) => place > from && place < to).reverse()
    return found.slice(0, limit).map(({ id, text }) => ({ id, text }))
  }

  async totals(): Promise<{ admitted: number; refused: number }> {
    return { ...this.#totals }
  }
}

function placeOf(id: string | undefined): number | undefined {
  return id === undefined ? undefined : Number.parseInt(id, 10)
}
