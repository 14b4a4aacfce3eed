/** Times of the store, all on its own clock. */
export interface MemoryTimes {
  readonly ttlMs: number
  readonly clockStepCapMs: number
  readonly lateAfterMs: number
  /** How long admissions wait after a store without memory, at least and at most; 0 for no wait. */
  readonly recoveryMs: number
  readonly recoveryLimitMs: number
}
