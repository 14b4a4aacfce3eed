/** So many entries of each kind are kept, over all nodes; for newer ones the oldest of their own kind are forgotten. */
export const JOURNAL_KEPT = { entries: 1_000, storms: 1_000, strangers: 100 } as const
/** What can be read at once. */
export const JOURNAL_ALL = JOURNAL_KEPT.entries + JOURNAL_KEPT.storms + JOURNAL_KEPT.strangers

export type JournalKind = keyof typeof JOURNAL_KEPT
export const JOURNAL_KINDS = Object.keys(JOURNAL_KEPT) as readonly JournalKind[]

export interface JournalPage {
  /** Texts that the store does not interpret, the oldest first; at most `MAX_ITEMS`. */
  readonly entries: readonly string[]
  /** As many at most, about orgs of whom many were noted lately: one that goes on without end pushes out no others (S5). */
  readonly storms: readonly string[]
  /** As many at most, about strangers: anybody can cause them. */
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
   * Its place: two numbers with a `-` between. One of another kind may have the same. Then all are in one answer, which
   * may be longer for it.
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
   * Adds entries and counts. Where the store is heard to take a part, that is all, and the rest is lost. What was rejected
   * may have been added, unheard: said again, an entry may be there twice.
   */
  note(page: JournalPage): Promise<void>
  /** The newest first. */
  read(range: JournalRange): Promise<JournalEntry[]>
  /** What all nodes have counted since the store began. */
  totals(): Promise<JournalTotals>
}
