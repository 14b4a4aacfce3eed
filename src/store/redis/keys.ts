import { type ScopeRef, scopeKey } from '../claims.js'
import type { JournalKind } from '../journal.js'
import type { IndexEntry } from '../lease-store.js'
import { CLOSING_ORDERS, ORDER_KINDS } from '../orders.js'
import { checkKeyPrefix } from './key-prefix.js'

/** Every key name of the store, in one place. See lua/README.md for what each holds. */
export interface RedisKeys {
  readonly admission: string
  readonly meta: string
  readonly leases: string
  readonly late: string
  readonly dead: string
  readonly nodes: string
  /** The four tables of what operators have set, in the order in which the verbs take them. */
  readonly overrides: readonly [records: string, versions: string, expiry: string, clears: string]
  /** What nodes note for operators, and what they count: see journal.ts. */
  readonly journal: Readonly<Record<JournalKind, string>>
  readonly totals: string
  conns(lease: number | string): string
  orders(kind: string): string
  readonly taken: string
  readonly evicted: string
  readonly probes: string
  /** Those of all kinds, and those that end connections, in the order in which the verbs take them. */
  readonly allOrders: readonly string[]
  readonly closingOrders: readonly string[]
  scope(scope: ScopeRef): string
  /** What the sets of all scopes but the org begin with. */
  readonly scopePrefix: string
  /** Pattern of all org sets, for SCAN, and what to cut off to get the org id. */
  readonly orgPattern: string
  readonly orgPrefix: string
}

/**
 * The bucket's hash tag comes before any id, so no org id, whatever braces it has, moves a key to another bucket; and
 * an id is always the last part, so none can spell another key.
 * Throws `INVALID_KEY_PREFIX` for a prefix with characters that mean something to Redis.
 */
export function redisKeys(prefix: string, bucket = 0): RedisKeys {
  checkKeyPrefix(prefix)
  const base = `${prefix}{${bucket}}:`
  const orgPrefix = `${base}org:`
  const scopePrefix = `${base}scope:`
  const orders = (kind: string) => `${base}orders:${kind}`
  return {
    admission: `${base}admission`,
    meta: `${base}meta`,
    leases: `${base}leases`,
    late: `${base}late`,
    dead: `${base}dead`,
    nodes: `${base}nodes`,
    overrides: [`${base}overrides`, `${base}override-versions`, `${base}override-expiry`, `${base}override-clears`],
    journal: {
      entries: `${base}refusals`,
      storms: `${base}refusals-of-storms`,
      strangers: `${base}refusals-of-strangers`,
    },
    totals: `${base}totals`,
    conns: (lease) => `${base}conns:${lease}`,
    orders,
    taken: `${base}taken`,
    evicted: `${base}evicted`,
    probes: `${base}probes`,
    allOrders: ORDER_KINDS.map(orders),
    closingOrders: CLOSING_ORDERS.map(orders),
    scope: (scope) => (scope.name === 'org' ? orgPrefix + scope.id : scopePrefix + scopeKey(scope)),
    scopePrefix,
    orgPattern: `${orgPrefix}*`,
    orgPrefix,
  }
}

/** The sets of all scopes of several slots, slot by slot, as the verbs take them. */
export function scopeKeys(keys: Pick<RedisKeys, 'scope'>, slots: readonly Pick<IndexEntry, 'scopes'>[]): string[] {
  const sets: string[] = []
  for (const { scopes } of slots) for (const scope of scopes) sets.push(keys.scope(scope))
  return sets
}
