import type { Reserve } from '../core/reserve.js'

/** One limit that a connection counts against. The first scope of a claim is always the org's. */
export interface ScopeClaim {
  /** `org`, or a lower-case word for a further scope. */
  readonly name: string
  readonly id: string
  /** Slots; `Infinity` for unlimited. For the org, an override in the store wins over it. */
  readonly limit: number
}

/** What names a scope. */
export type ScopeRef = Pick<ScopeClaim, 'name' | 'id'>

/** A scope as text, which `scopeOf` reads back: a name has no colon, so that no two share one. */
export function scopeKey({ name, id }: ScopeRef): string {
  return `${name}:${id}`
}

export function scopeOf(key: string): ScopeRef {
  const colon = key.indexOf(':')
  return { name: key.slice(0, colon), id: key.slice(colon + 1) }
}

export interface Claim {
  /**
   * Made by the node before the call and never reused: what makes a repeated call harmless. It begins with its maker's
   * lease in base 36 and a dash. When that lease releases it, the store removes it without looking who holds it (ADR 24).
   */
  readonly id: string
  readonly scopes: readonly [ScopeClaim, ...ScopeClaim[]]
  /** Kept of the org's limit in force for others: acquire refuses this claim when no more than that is free. */
  readonly reserve?: Reserve
  /** What operators see of the holder; kept as text, never interpreted by the store. */
  readonly details: string
}

/** A claim whose client has shown that an earlier connection is its own. */
export interface TakeoverClaim extends Claim {
  /** The id of that connection, on whatever node it is or was. */
  readonly replaces: string
}

/** What names the slots of a connection: enough to give them back. */
export interface SlotRef {
  readonly id: string
  readonly scopes: readonly ScopeRef[]
}

/** An index entry of a lease. Its scopes name the sets that it may be in, the org's first. */
export interface IndexEntry extends SlotRef {
  readonly details: string
}

export type Verdict =
  /** `count` and `limit` are the org's, this connection included; leftovers of the dead may be in it until full. */
  | {
      readonly admitted: true
      readonly count: number
      readonly limit: number
      readonly reserved?: number
      /** By this call it got the slot of the connection that it replaces. */
      readonly tookOver?: true
    }
  | {
      readonly admitted: false
      readonly reason: 'full'
      /** Index into the claim's scopes. */
      readonly scope: number
      /** Slots of live leases, and the limit that this claim met. */
      readonly count: number
      readonly limit: number
      /** Of the org's: so many slots above `limit` are kept for others. Absent where none are. */
      readonly reserved?: number
      /** When the soonest holder that missed a heartbeat would be free; absent when all are well. */
      readonly freeInMs?: number
    }
  /**
   * `broken`: a key has a foreign type. `memory`: the store is at its memory limit. `conflict`: another live lease
   * holds the id.
   */
  | { readonly admitted: false; readonly reason: 'broken' | 'memory' | 'conflict' }
