import type { StoreFacts } from '../store/redis-examiner.js'
import type { RedisKeys } from '../store/redis-keys.js'

/** An org as the admin API tells of it. */
export interface Org {
  readonly orgId: string
  readonly currentCount: number
  /** `null` where only the nodes know it: Redis holds exceptions, not defaults. */
  readonly maxAllowed: number | 'unlimited' | null
  readonly excess?: number
}

export interface SetLimit {
  readonly limit: number | 'unlimited'
  readonly note?: string
  readonly by?: string
  readonly setAt?: string
  readonly expiresAt?: string
}

export interface OrgLimits extends Org {
  readonly limitFrom: 'override' | 'tier' | 'default' | null
  readonly tier: string | null
  readonly override: SetLimit | null
  readonly assignedTier: SetLimit | null
}

export interface Holder {
  readonly connectionId: string
  readonly lease: number
  readonly gateway?: string
  readonly instance?: string
  readonly address?: string
  readonly since?: string
}

export interface NodeRow {
  readonly name: string
  readonly lease: number
  readonly connections: number
  readonly leaseExpiresInMs: number
  readonly startedAt?: string
}

/** A refusal or a closing, as nodes note them. */
export interface Note {
  readonly at: string
  readonly kind: string
  readonly code: string
  readonly detail?: string
  readonly node: string
  readonly requestId?: string
  readonly connectionId?: string
  readonly orgId?: string
  readonly gatewayId?: string
  readonly address?: string
  readonly currentCount?: number
  readonly maxAllowed?: number
  readonly retryAfterSeconds?: number
  readonly holders?: readonly Holder[]
}

export interface NoteQuery {
  readonly org?: string
  /** Of a refusal; or the id of a connection that was closed. */
  readonly requestId?: string
  readonly limit: number
}

/** Where a command gets its answers. All reject with `CliError`, which says what to do. */
export interface Source {
  /** Where the answers come from, without credentials. */
  readonly description: string
  orgs(): Promise<Org[]>
  limits(orgId: string): Promise<OrgLimits>
  holders(orgId: string): Promise<{ readonly connections: readonly Holder[]; readonly truncated: boolean }>
  nodes(): Promise<NodeRow[]>
  /** The newest first. */
  refusals(query: NoteQuery): Promise<readonly Note[]>
  /** Whether the node that is asked can have admissions decided. */
  storeReachable(): Promise<boolean>
  /** Asks the admin API of a node; rejects where answers come straight from Redis. */
  admin<T>(method: 'GET' | 'PUT' | 'DELETE' | 'POST', path: string, body?: object): Promise<T>
  /** Everything that Redis is and holds; only where answers come straight from there. */
  facts?(): Promise<{ readonly facts: StoreFacts; readonly keys: RedisKeys }>
  close(): Promise<void>
}
