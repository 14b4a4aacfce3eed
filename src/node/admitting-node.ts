import type { Admitter } from '../core/admission.js'
import type { SetTerms } from './limits/limit-terms.js'
import type { OrderGiver } from './orders/order-giver.js'

/** How many buckets the orgs are in, and in which of them no admission can be decided now. */
export interface NodeBuckets {
  readonly count: number
  readonly away: readonly number[]
  /**
   * How long admissions of a bucket that is not away wait at least, because its store lost its memory: the longest of
   * all, 0 where none wait.
   */
  readonly recoveryMs: number
}

/** What a process needs of its node, over however many buckets that has its orgs. */
export interface AdmittingNode extends Admitter {
  /** What operators may ask of connections, wherever they are held. */
  readonly orders: Pick<OrderGiver, 'evict' | 'drain'>
  /** Connections of this node that are open or being admitted. */
  readonly connections: number
  /** Admissions without a decision yet, and slots that are being given back. */
  readonly waiting: { readonly admissions: number; readonly releases: number }
  /** Whether the last renewal is recent enough for this node to trust its lease, and a session is open; in all buckets. */
  readonly storeReachable: boolean
  readonly buckets: NodeBuckets
  /**
   * Whether the store admits nobody of an org because it has lost its memory, as far as this node has heard, or this node
   * nobody because the store has yet to be told of what is open here.
   */
  recovers(org: string): boolean
  start(): void
  /**
   * Sets or clears (`undefined`) the operator's exception for an org or, of the kind `tier`, the limit of the tier it is
   * put in. It binds the very next admission on every node. Where the org holds more than that, `onLowered` says what
   * becomes of the surplus, or else the node's policy. Rejects with `UsageError` for what can never be set, and with
   * `StoreUnavailable` when the store did not confirm it; saying it again is harmless.
   */
  setLimit(org: string, limit: number | undefined, terms?: SetTerms): Promise<void>
  /** Admits nobody from here on; what is open stays. */
  quiet(): void
  /**
   * Stops in order: admits none, tells every connection to close, waits until each has given back its slot, and gives
   * up the lease last; all of it within `withinMs`, also when the store does not answer. What has not been given back
   * by then keeps its slot until the lease is swept by another node. Several at once are one stop, which waits for slots
   * no longer than the one with the least time.
   */
  drain(how: { withinMs: number }): Promise<void>
}
