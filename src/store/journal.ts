/** So many entries are kept, over all nodes; the oldest are forgotten. */
export const JOURNAL_ENTRIES = 1_000

export interface JournalPage {
  /** Texts that the store does not interpret, the oldest first; at most `MAX_ITEMS`. */
  readonly entries: readonly string[]
  /** What is to be added to the totals. */
  readonly admitted: number
  readonly refused: number
}

export interface JournalRange {
  /** Only entries before (older than) that of this name, or after (newer than) that. */
  readonly before?: string | undefined
  readonly after?: string | undefined
  /** The newest so many of those. */
  readonly limit: number
}

export interface JournalEntry {
  /** Names the entry, and its place: two numbers with a `-` between. */
  readonly id: string
  readonly text: string
}

export interface JournalTotals {
  readonly admitted: number
  readonly refused: number
}

/**
 * What nodes note for operators beside the protocol, so that any of them can answer for all. It is bounded, it may be
 * lost with the store's memory, and nothing is ever decided by it. All reject with `StoreUnavailable`.
 */
export interface Journal {
  /**
   * Adds entries and counts. What was rejected may have been added in part: said again, an entry may be there twice.
   */
  note(page: JournalPage): Promise<void>
  /** The newest first. */
  read(range: JournalRange): Promise<JournalEntry[]>
  /** What all nodes have counted since the store began. */
  totals(): Promise<JournalTotals>
}
