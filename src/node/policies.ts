/** What a node does when the store or its lease is away. Defaults keep every promise but availability. */
export interface Policies {
  /**
   * Who is admitted while the store does not answer: nobody (`deny`); as many per org and node as the org's limit
   * divided by the nodes last known (`local`); everybody (`allow`). The latter two for at most `storeDownTimeMs`.
   */
  readonly onStoreDown: 'deny' | 'local' | 'allow'
  /** How long `local` and `allow` admit after the store was last heard. */
  readonly storeDownTimeMs: number
  /**
   * What becomes of open connections once the lease can no longer be trusted: they stay and are reasserted (`rejoin`),
   * or are closed at the lease's deadline, and no frame passes after it (`close`).
   */
  readonly onLeaseLost: 'rejoin' | 'close'
  /** Under `rejoin`: how long connections outlive the lease's deadline; `Infinity` for without end. */
  readonly orphanTimeMs: number
  /**
   * What becomes of the surplus where an org holds more than it may, because its limit was lowered, the store lost its
   * memory or several primaries had admitted: it stays until enough have left by themselves (`keep`), or exactly as many
   * as there are too many are closed, those that came last (`newest`) or first (`oldest`).
   */
  readonly onLimitLowered: 'keep' | 'newest' | 'oldest'
}

export const DEFAULT_POLICIES: Policies = {
  onStoreDown: 'deny',
  storeDownTimeMs: 300_000,
  onLeaseLost: 'rejoin',
  orphanTimeMs: Number.POSITIVE_INFINITY,
  onLimitLowered: 'keep',
}
