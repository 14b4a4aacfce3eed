/** So many entries are kept, over all nodes; the oldest are forgotten. */
export const JOURNAL_ENTRIES = 1_000
/** Of strangers so many beside those. */
export const JOURNAL_STRANGERS = 100
/** What can be read at once. */
export const JOURNAL_ALL = JOURNAL_ENTRIES + JOURNAL_STRANGERS

export interface JournalPage {
  /** Texts that the store does not interpret, the oldest first; at most `MAX_ITEMS`. */
  readonly entries: readonly string[]
  /** As many at most, about strangers. Anybody can cause them, so they push out none but each other. */
  readonly strangers: readonly string[]
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
  /**
   * Its place: two numbers with a `-` between. One about a stranger may have the same. Then both are in one answer, which
   * may be longer by one for it.
   */
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
