import { bounded } from '../bounded.js'
import {
  JOURNAL_KEPT,
  JOURNAL_KINDS,
  type Journal,
  type JournalEntry,
  type JournalKind,
  type JournalPage,
  type JournalRange,
} from '../journal.js'

type Placed = JournalEntry & { readonly place: number }

/** The journal in this process. */
export class MemoryJournal implements Journal {
  readonly #kept: Readonly<Record<JournalKind, Placed[]>> = { entries: [], storms: [], strangers: [] }
  readonly #totals = { admitted: 0, refused: 0 }
  #last = 0

  async note({ admitted, refused, ...page }: JournalPage): Promise<void> {
    for (const kind of JOURNAL_KINDS) this.#add(this.#kept[kind], page[kind], JOURNAL_KEPT[kind])
    this.#totals.admitted += admitted
    this.#totals.refused += refused
  }

  async read({ before, after, limit }: JournalRange): Promise<JournalEntry[]> {
    const [from, to] = [placeOf(after) ?? 0, placeOf(before) ?? Number.POSITIVE_INFINITY]
    const all = Object.values(this.#kept).flat()
    const found = all.filter(({ place }) => place > from && place < to)
    found.sort((one, other) => other.place - one.place)
    return found.slice(0, limit).map(({ id, text }) => ({ id, text }))
  }

  async totals(): Promise<{ admitted: number; refused: number }> {
    return { ...this.#totals }
  }

  #add(kept: Placed[], texts: readonly string[], most: number): void {
    bounded(texts)
    for (const text of texts) {
      const place = ++this.#last
      kept.push({ id: `${place}-0`, text, place })
    }
    kept.splice(0, kept.length - most)
  }
}

function placeOf(id: string | undefined): number | undefined {
  return id === undefined ? undefined : Number.parseInt(id, 10)
}
