import { isMadeUnder } from '../../core/connection-id.js'
import { scopeKey } from '../claims.js'
import type { Claim, IndexEntry, SlotRef } from '../lease-store.js'
import type { OrderKind } from '../orders.js'
import type { OverrideKind } from '../override-records.js'
import { SortedIds } from './sorted-ids.js'

/** Connection id → lease. */
export type ScopeSet = ReadonlyMap<string, number>

export interface LiveLease {
  generation: number
  /** Recovery waits for this lease. */
  reasserting: boolean
  expiresMs: number
}

export interface StoredOverride {
  readonly org: string
  readonly kind: OverrideKind
  readonly limit: number | undefined
  /** The life of the store in which somebody set it; absent where a node has written it back or its time was over. */
  readonly epoch: string | undefined
  /** On the store's clock. */
  dueMs: number | undefined
  readonly details: string
  version: number
}

/** Of so few members each is looked at, as in Redis; of more it is enough that no lease is dead. */
const SMALL_SET = 32

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>()

/** What Redis holds, as Maps. Empty sets are forgotten, as Redis forgets empty keys. */
export class MemoryTables {
  /** One process of the store and one history of its data; `rememberedIdentity` is what its own memory says. */
  identity = 'memory'
  rememberedIdentity: string | undefined
  epoch: string | undefined
  clockMs = 0
  lastTimeMs: number | undefined
  recovery: { fromMs: number; limitMs: number } | undefined
  readonly live = new Map<number, LiveLease>()
  readonly late = new Map<number, number>()
  readonly dead = new Set<number>()
  readonly nodes = new Map<number, string>()
  /** Org → the number in force of what operators have set: what acquire reads. */
  readonly overrides = new Map<string, number>()
  /** `kind:org` → what was set last; without a limit it is a clear. */
  readonly overrideRecords = new Map<string, StoredOverride>()
  /** Connection id and, behind a space, the set of its org → when it was taken over, on the store's clock. */
  readonly taken = new Map<string, number>()
  /** Connection id → when it was evicted, on the store's clock. */
  readonly evicted = new Map<string, number>()
  /** `lease:name:id` of a scope → that lease, which is to look for silent peers there. */
  readonly probes = new Map<string, number>()
  resumeSecret: string | undefined
  overrideVersion = 0
  overrideFloor = 0
  readonly scopes = new Map<string, Map<string, number>>()
  readonly #indexes = new Map<number, Map<string, IndexEntry>>()
  readonly #orders = new Map<OrderKind, Map<string, number>>()
  /** The ids of the same by kind and lease. */
  readonly #ordered = new Map<OrderKind, Map<number, SortedIds>>()

  scope(key: string): ScopeSet {
    return this.scopes.get(key) ?? NOTHING
  }

  add(key: string, id: string, lease: number): void {
    put(this.scopes, key, id, lease)
  }

  remove(key: string, id: string): void {
    drop(this.scopes, key, id)
  }

  index(lease: number): ReadonlyMap<string, IndexEntry> {
    return this.#indexes.get(lease) ?? NOTHING
  }

  addIndex(lease: number, entry: IndexEntry): void {
    put(this.#indexes, lease, entry.id, entry)
  }

  removeIndex(lease: number, id: string): void {
    drop(this.#indexes, lease, id)
  }

  /** Connection id → the lease that must obey. */
  orders(kind: OrderKind): ReadonlyMap<string, number> {
    return this.#orders.get(kind) ?? NOTHING
  }

  /** Those of one lease in the order of their ids, from that place on. */
  ordersOf(kind: OrderKind, lease: number, from: number, count: number): string[] {
    return this.#ordered.get(kind)?.get(lease)?.page(from, count) ?? []
  }

  addOrder(kind: OrderKind, id: string, lease: number): void {
    this.removeOrder(kind, id)
    put(this.#orders, kind, id, lease)
    const byLease = this.#ordered.get(kind) ?? new Map<number, SortedIds>()
    const ids = byLease.get(lease) ?? new SortedIds()
    ids.add(id)
    this.#ordered.set(kind, byLease.set(lease, ids))
  }

  removeOrder(kind: OrderKind, id: string): void {
    const lease = this.orders(kind).get(id)
    if (lease === undefined) return
    drop(this.#orders, kind, id)
    const byLease = this.#ordered.get(kind)!
    byLease.get(lease)!.remove(id)
    if (byLease.get(lease)!.page(0, 1).length === 0) byLease.delete(lease)
  }

  /** How many slots of a set live leases hold. */
  living(set: ScopeSet): number {
    if (this.dead.size === 0 && set.size > SMALL_SET) return set.size
    let count = 0
    for (const lease of set.values()) count += this.live.has(lease) ? 1 : 0
    return count
  }

  /** When the soonest holder that has missed a beat would be dead; undefined when none is late. */
  freeInMs(set: ScopeSet): number | undefined {
    if (this.late.size === 0) return undefined
    const holders = new Set(set.values())
    const lateHolders = [...this.late].filter(([lease]) => holders.has(lease))
    if (lateHolders.length === 0) return undefined
    return Math.max(0, Math.min(...lateHolders.map(([, expiresMs]) => expiresMs)) - this.clockMs)
  }

  /** Index and all scopes at once: nothing is ever half taken (S2). */
  take(lease: number, { id, details, ...claim }: Claim): void {
    const scopes = claim.scopes.map(({ name, id }) => ({ name, id }))
    this.addIndex(lease, { id, scopes, details })
    for (const scope of scopes) this.add(scopeKey(scope), id, lease)
  }

  /** Rule 2: only what this lease holds; with `byName` also what was made under it, whoever holds that now. */
  give(lease: number, slot: SlotRef, { byName }: { readonly byName: boolean }): void {
    for (const scope of slot.scopes) {
      const key = scopeKey(scope)
      const isOwn = this.scope(key).get(slot.id) === lease || (byName && isMadeUnder(lease, slot.id))
      if (isOwn) this.remove(key, slot.id)
    }
    this.removeIndex(lease, slot.id)
  }

  /** As FLUSHALL does. */
  wipe(): void {
    this.rememberedIdentity = undefined
    this.epoch = undefined
    this.clockMs = 0
    this.lastTimeMs = undefined
    this.recovery = undefined
    this.overrideVersion = 0
    this.resumeSecret = undefined
    this.overrideFloor = 0
    for (const table of [this.live, this.late, this.dead, this.nodes, this.scopes, this.#indexes]) table.clear()
    for (const table of [this.overrides, this.overrideRecords, this.#orders, this.#ordered, this.probes]) table.clear()
    for (const table of [this.taken, this.evicted]) table.clear()
  }
}

function put<K, V>(tables: Map<K, Map<string, V>>, key: K, id: string, value: V): void {
  let table = tables.get(key)
  if (!table) {
    table = new Map()
    tables.set(key, table)
  }
  table.set(id, value)
}

function drop<K, V>(tables: Map<K, Map<string, V>>, key: K, id: string): void {
  const table = tables.get(key)
  table?.delete(id)
  if (table?.size === 0) tables.delete(key)
}
