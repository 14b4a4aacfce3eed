import type { ServerAddress } from './url.js'

/** The server that accepts writes, as those say who decide it. */
export interface Primary extends ServerAddress {
  /** Which failover made it so: of two answers the one with the higher epoch is newer. */
  readonly configEpoch: number
}

/** Knows who is primary, by asking. */
export interface PrimaryFinder {
  /** What to say of a connection to somebody else. */
  readonly namedAnother: string
  /**
   * The newest answer of those that came within `withinMs`. Rejects with an Error that says what each server said where
   * none names a primary.
   */
  find(withinMs: number, over: AbortSignal): Promise<Primary>
}
