import type { IndexEntry } from './claims.js'
import type { MissingBuckets } from './missing-buckets.js'
import type { OrgOverrides } from './override-records.js'

export interface OrgCount {
  readonly org: string
  /** Slots of live leases. */
  readonly count: number
  readonly override: number | undefined
}

export interface Holder extends IndexEntry {
  readonly lease: number
}

export interface NodeEntry {
  readonly lease: number
  /** Where it has one in each of several buckets: all of them, the first included. */
  readonly leases?: readonly number[]
  readonly connections: number
  /** Until the lease expires on the store's clock; negative when it has expired and nobody has declared it dead. */
  readonly expiresInMs: number
  readonly info: string
}

/** Where a store has several buckets, all that are asked must answer, unless somebody says otherwise. */
export interface Partly {
  /** Buckets that do not answer are left out and named in it; only where none answers is there no answer. */
  readonly partly?: MissingBuckets | undefined
}

/** What of the nodes is asked for; where a store has several buckets all of them where absent. */
export interface WhichNodes extends Partly {
  /** How many connections each has costs a question for each of its leases: then it is not asked, and told as 0. */
  readonly uncounted?: boolean
  /** The bucket of this org alone, which must answer: what is held elsewhere, and under which leases, is left out. */
  readonly org?: string | undefined
  /**
   * The store's clock moves with renewals alone: without any it says for ever that all is well. Then the time since the
   * last of them is taken off what is left of each lease, in each bucket. A node that renews itself need not ask for it.
   */
  readonly asOfNow?: boolean
}

/** Read-only questions; a failure is a rejected promise with a `StoreUnavailable`, since nothing can be left behind. */
export interface StoreInspector {
  /** Counts without the dead: what is shown is true. */
  countOrgs(orgs: readonly string[], how?: Partly): Promise<OrgCount[]>
  /**
   * Names of orgs that hold slots or have an override, page by page; `cursor` '0' starts and ends. May repeat names.
   * A page costs the store about the same, however many there are.
   */
  listOrgs(cursor: string, how?: Partly): Promise<{ cursor: string; orgs: string[] }>
  /** What operators have set for an org and is in force, or would be without the other. */
  overridesOf(org: string): Promise<OrgOverrides>
  /** At most `limit` holders of an org's slots. */
  holders(org: string, limit: number): Promise<Holder[]>
  nodes(which?: WhichNodes): Promise<NodeEntry[]>
}

/** What only one bucket is asked. */
export interface BucketInspector extends StoreInspector {
  /** The org in which a connection holds a slot under a live lease; `undefined` if it holds none. */
  orgOf(id: string): Promise<string | undefined>
}
