import type { IndexEntry } from './lease-store.js'

/** Connection id → lease. */
export type ScopeSet = ReadonlyMap<string, number>

export interface LiveLease {
  generation: number
  /** Recovery waits for this lease. */
  reasserting: boolean
  expiresMs: number
}

export function scopeKey({ name, id }: { readonly name: string; readonly id: string }): string {
  return `${name}:${id}`
}

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
  readonly overrides = new Map<string, number>()
  readonly scopes = new Map<string, Map<string, number>>()
  readonly #indexes = new Map<number, Map<string, IndexEntry>>()

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

  /** As FLUSHALL does. */
  wipe(): void {
    this.rememberedIdentity = undefined
    this.epoch = undefined
    this.clockMs = 0
    this.lastTimeMs = undefined
    this.recovery = undefined
    for (const table of [this.live, this.late, this.dead, this.nodes, this.overrides, this.scopes, this.#indexes]) {
      table.clear()
    }
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
