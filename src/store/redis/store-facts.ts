/** What a Redis is and holds, read as it is, for whoever judges whether it is sound. */
export interface StoreFacts {
  readonly info: ReadonlyMap<string, string>
  /** How the URL goes there: whether as to a Redis Cluster, and over how many buckets. */
  readonly viaCluster: boolean
  readonly buckets: number
  /** Redis's own clock, just after `meta` was read. */
  readonly timeMs: number
  /** Why it refuses all writes, in its own words; `undefined` where it takes them, or is a replica. */
  readonly writesRefused: string | undefined
  /** How long a few answers took that cost Redis nothing. */
  readonly answersMs: readonly number[]
  readonly scriptLoaded: boolean
  /** What a node's user may not do, each in Redis's words. */
  readonly missingRights: readonly string[]
  readonly keys: readonly { readonly name: string; readonly type: string; readonly expires: boolean }[]
  /** Whether those are all: of very many some are not looked at. */
  readonly allKeys: boolean
  readonly meta: Readonly<Record<string, string>>
  /** Fence: fields and values. */
  readonly admission: Readonly<Record<string, string>>
  /** Lease → expiry, ms of the store's clock. */
  readonly leases: ReadonlyMap<string, number>
  /** Lease → JSON that its node tells of itself. */
  readonly nodes: Readonly<Record<string, string>>
  readonly dead: ReadonlySet<string>
  /** Key of a set of slots → connection id → lease. */
  readonly sets: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Lease → connection id → keys of the sets that its entry names. */
  readonly indexes: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>
  /** Connection id → lease that must obey. */
  readonly orders: ReadonlyMap<string, string>
  /** What could not be looked at, and why. */
  readonly skipped: readonly string[]
}
