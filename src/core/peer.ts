import type { ClosingCode } from './closures.js'

/**
 * The other end of an admitted connection, as the owner of its socket lets the node see it. What any of this throws or
 * rejects with is reported on the console; then the peer counts as there, as does one whose `probe` never settles.
 */
export interface Peer {
  /** Nothing was heard of it for longer than the ping interval, in time in which this process was running. */
  readonly isSilent: boolean
  /**
   * Pings it, and resolves to true as soon as anything is heard of it. If nothing is for `withinMs` of this process's
   * running time it is cut off, and the answer is false, once its socket has closed and its slot is being given back.
   * It is false as well where the connection ends by itself meanwhile.
   */
  probe(withinMs: number): Promise<boolean>
  /**
   * Called once when the connection is to be closed, when `lost` aborts, or by `watch` where that was before: for who has
   * no need of a signal.
   */
  lose?(closing: ClosingCode): void
}
