import type { Redis } from 'ioredis'
import type { MemoryTables } from '../../src/store/memory/tables.js'
import { ORDER_KINDS } from '../../src/store/orders.js'
import { decodeEntry } from '../../src/store/redis/codec.js'
import type { RedisKeys } from '../../src/store/redis/keys.js'

/** Everything a store holds, in one shape and order for both keepers, so that two of them can be compared whole. */
export interface StoreContents {
  readonly epoch: string | undefined
  readonly clockMs: number
  readonly lastTimeMs: number | undefined
  readonly recovery: { readonly fromMs: number; readonly limitMs: number } | undefined
  /** Lease → its token without the epoch, and whether recovery waits for it. */
  readonly live: ReadonlyMap<number, { readonly generation: number; readonly awaited: boolean }>
  /** Lease → expiry on the store's clock. */
  readonly leases: ReadonlyMap<number, number>
  readonly late: ReadonlyMap<number, number>
  readonly dead: ReadonlySet<number>
  readonly nodes: ReadonlyMap<number, string>
  readonly overrides: ReadonlyMap<string, number>
  readonly overrideVersion: number
  readonly overrideFloor: number
  /** `kind:org` → version, limit, due on the store's clock, details, and the epoch in which it was set. */
  readonly overrideRecords: ReadonlyMap<string, readonly unknown[]>
  /** `name:id` of a scope → connection id → lease. */
  readonly scopes: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Lease → connection id → `name:id` of its scopes, then its details. */
  readonly indexes: ReadonlyMap<number, ReadonlyMap<string, readonly string[]>>
  /** Kind of order → connection id → the lease that must obey. */
  readonly orders: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Connection id and, behind a space, the scope of its org → when it was taken over. */
  readonly taken: ReadonlyMap<string, number>
  /** Connection id → when it was evicted. */
  readonly evicted: ReadonlyMap<string, number>
  /** `lease:name:id` of a scope → the lease that is to look for silent peers there. */
  readonly probes: ReadonlyMap<string, number>
  readonly resumeSecret: string | undefined
  /** Keys that belong to no table. */
  readonly strangers: readonly string[]
}

/** What to compare when something must have stayed as it was. */
export function fingerprint(contents: StoreContents): string {
  const sorted = (_: string, value: unknown): unknown => {
    if (value instanceof Map) return [...value].sort(([a], [b]) => (a < b ? -1 : 1))
    return value instanceof Set ? [...value].sort() : value
  }
  return JSON.stringify(contents, sorted, 1)
}

export function memoryContents(tables: MemoryTables): StoreContents {
  const leases = new Set([...tables.live.keys(), ...tables.dead])
  const indexes = new Map<number, Map<string, readonly string[]>>()
  for (const lease of leases) {
    const entries = [...tables.index(lease)].map(([id, entry]) => [id, flatEntry(entry)] as const)
    if (entries.length > 0) indexes.set(lease, new Map(entries))
  }
  return {
    epoch: tables.epoch,
    clockMs: tables.clockMs,
    lastTimeMs: tables.lastTimeMs,
    recovery: tables.recovery,
    live: new Map(
      [...tables.live].map(([lease, { generation, reasserting }]) => [
        lease,
        { generation, awaited: tables.recovery !== undefined && reasserting },
      ]),
    ),
    leases: new Map([...tables.live].map(([lease, { expiresMs }]) => [lease, expiresMs])),
    late: tables.late,
    dead: tables.dead,
    nodes: tables.nodes,
    orders: new Map(ORDER_KINDS.map((kind) => [kind, tables.orders(kind)])),
    taken: tables.taken,
    evicted: tables.evicted,
    probes: tables.probes,
    resumeSecret: tables.resumeSecret,
    overrides: tables.overrides,
    overrideVersion: tables.overrideVersion,
    overrideFloor: tables.overrideFloor,
    overrideRecords: new Map(
      [...tables.overrideRecords].map(([field, { version, limit, dueMs, details, epoch }]) => [
        field,
        recordOf(version, limit, dueMs, details, epoch),
      ]),
    ),
    scopes: tables.scopes,
    indexes,
    strangers: [],
  }
}

const DUMP = `
local out = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local kind, held = redis.call('TYPE', key).ok, {}
  if kind == 'zset' then
    held = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'hash' then
    held = redis.call('HGETALL', key)
  elseif kind == 'set' then
    held = redis.call('SMEMBERS', key)
  end
  out[#out + 1] = { key, held }
end
return out`

/** Reads the keys themselves, not what the store says of them. */
export async function redisContents(redis: Redis, keys: RedisKeys, prefix: string): Promise<StoreContents> {
  const dump = (await redis.eval(DUMP, 0, `${prefix}*`)) as [string, string[]][]
  const tables = new Map(dump)
  tables.delete(heldTimeKey(keys))
  const take = (key: string): string[] => {
    const held = tables.get(key) ?? []
    tables.delete(key)
    return held
  }
  const meta = new Map(pairs(take(keys.meta)))
  const epoch = meta.get('epoch')
  const recovery = meta.has('recovery')
    ? { fromMs: Number(meta.get('recovery')), limitMs: Number(meta.get('recoveryLimit')) }
    : undefined
  const admission = pairs(take(keys.admission))
  const tokens = admission.filter(([field]) => /^\d+$/.test(field))
  const overrides = admission.filter(([field]) => field.startsWith(keys.orgPrefix))
  const fixed = {
    epoch,
    clockMs: Number(meta.get('clock') ?? 0),
    lastTimeMs: meta.has('time') ? Number(meta.get('time')) : undefined,
    recovery,
    live: new Map(tokens.map(([lease, token]) => [Number(lease), readToken(token, epoch, !!recovery)])),
    leases: numbers(take(keys.leases)),
    late: numbers(take(keys.late)),
    dead: new Set(take(keys.dead).map(Number)),
    nodes: new Map(pairs(take(keys.nodes)).map(([lease, info]) => [Number(lease), info])),
    orders: new Map(ORDER_KINDS.map((kind) => [kind, members(take(keys.orders(kind)))])),
    taken: new Map([...members(take(keys.taken))].map(([of, atMs]) => [of.replace(keys.orgPrefix, 'org:'), atMs])),
    evicted: members(take(keys.evicted)),
    probes: members(take(keys.probes)),
    resumeSecret: meta.get('resumeSecret'),
    overrides: new Map(
      overrides.map(([key, text]) => [key.slice(keys.orgPrefix.length), text === '-1' ? Infinity : Number(text)]),
    ),
    overrideVersion: Number(meta.get('overrideVersion') ?? 0),
    overrideFloor: Number(meta.get('overrideFloor') ?? 0),
  }
  return { ...fixed, ...readOverrides(take, keys), ...readSets(tables, keys) }
}

const recordOf = (...parts: (string | number | undefined)[]) => parts.map((part) => part ?? null).map(String)

/** Throws where the four tables do not speak of the same records. */
function readOverrides(take: (key: string) => string[], keys: RedisKeys) {
  const [stored, ...scores] = keys.overrides.map((key) => new Map(pairs(take(key))))
  const [versions, expiry, clears] = scores.map(
    (table) => new Map([...table].map(([at, score]) => [at, Number(score)])),
  )
  const overrideRecords = new Map<string, readonly unknown[]>()
  for (const [field, text] of stored!) {
    const [, slots, epoch, details] = /^(-?\d*) (\w*)\n(.*)$/s.exec(text)!
    const cleared = clears!.has(field)
    if ((slots === '') !== cleared || (cleared && clears!.get(field) !== versions!.get(field))) {
      throw new Error(`${field} is a clear in one table and none in another`)
    }
    const limit = cleared ? undefined : Number(slots === '-1' ? Infinity : slots)
    const name = field.replace(keys.orgPrefix, '')
    overrideRecords.set(name, recordOf(versions!.get(field), limit, expiry!.get(field), details, epoch || undefined))
  }
  const sizes = [stored!.size, versions!.size]
  if (sizes[0] !== sizes[1]) throw new Error(`${sizes[0]} overrides and ${sizes[1]} versions`)
  return { overrideRecords }
}

function readSets(tables: ReadonlyMap<string, string[]>, keys: RedisKeys) {
  const scopes = new Map<string, Map<string, number>>()
  const indexes = new Map<number, Map<string, readonly string[]>>()
  const strangers: string[] = []
  const scopePrefix = keys.scope({ name: '', id: '' }).slice(0, -1)
  for (const [key, held] of tables) {
    if (key.startsWith(keys.orgPrefix)) scopes.set(`org:${key.slice(keys.orgPrefix.length)}`, members(held))
    else if (key.startsWith(scopePrefix)) scopes.set(key.slice(scopePrefix.length), members(held))
    else if (key.startsWith(keys.conns(''))) {
      const entries = pairs(held).map(([id, entry]) => [id, flatEntry(decodeEntry(id, entry))] as const)
      indexes.set(Number(key.slice(keys.conns('').length)), new Map(entries))
    } else strangers.push(key)
  }
  return { scopes, indexes, strangers }
}

/** Where a script whose TIME is held by the test reads it (see store-bench). */
export function heldTimeKey(keys: RedisKeys): string {
  return `${keys.meta}:time`
}

function flatEntry(entry: { scopes: readonly { name: string; id: string }[]; details: string }): string[] {
  return [...entry.scopes.map(({ name, id }) => `${name}:${id}`), entry.details]
}

/** Throws where a live lease has another epoch than the store: no verb may leave that. */
function readToken(token: string, epoch: string | undefined, recovering: boolean) {
  const [generation, ofEpoch, mark] = token.split(':')
  if (ofEpoch !== epoch) throw new Error(`a lease of epoch ${ofEpoch} lives in epoch ${epoch}`)
  if (recovering && mark === undefined) throw new Error('a lease could acquire during recovery: it is not marked')
  return { generation: Number(generation), awaited: recovering && mark === 'reasserting' }
}

function numbers(flat: readonly string[]): Map<number, number> {
  return new Map(pairs(flat).map(([member, score]) => [Number(member), Number(score)]))
}

/** Connection id → lease. */
function members(flat: readonly string[]): Map<string, number> {
  return new Map(pairs(flat).map(([id, lease]) => [id, Number(lease)]))
}

function pairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) out.push([flat[i]!, flat[i + 1]!])
  return out
}
