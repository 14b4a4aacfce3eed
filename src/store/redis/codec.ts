import type { Reserve } from '../../core/reserve.js'
import { scopeOf } from '../claims.js'
import type {
  AuditReply,
  Claim,
  HelloReply,
  IndexEntry,
  ReassertVerdict,
  RenewReply,
  Reply,
  ScopeRef,
  SlotRef,
  Verdict,
} from '../lease-store.js'
import { ORDER_KINDS, type Order } from '../orders.js'
import { WrongBuckets } from './wrong-buckets.js'

/** Translates between the contract's shapes and the script's flat arguments and replies. Every reply is validated. */

const REASSERT_VERDICTS: readonly ReassertVerdict[] = ['kept', 'taken', 'ordered', 'full', 'conflict', 'broken']

/** A reply that does not have the promised shape: treated like no answer. */
export class MalformedReply extends Error {}

/** -1 stands for unlimited, since Lua's `inf` has no text form that Redis reads back. */
export const limitArg = (limit: number): number => (limit === Number.POSITIVE_INFINITY ? -1 : limit)
export const limitOf = (slots: number): number => (slots < 0 ? Number.POSITIVE_INFINITY : slots)

/**
 * An index entry names its scopes first, as JSON without line breaks, then the details as they came. Most connections
 * count against their org alone, and its id says it all: every connection pays for what else would stand there.
 */
export function encodeEntry({ scopes, details }: Claim): string {
  const [{ name, id }] = scopes
  const named = scopes.length === 1 && name === 'org' ? id : scopes.flatMap((scope) => [scope.name, scope.id])
  return `${JSON.stringify(named)}\n${details}`
}

/** Entries that cannot be read name no scopes: removing them from the index is all that can be done. */
export function decodeEntry(id: string, entry: string): IndexEntry {
  const cut = entry.indexOf('\n')
  const scopes: ScopeRef[] = []
  try {
    const named: unknown = JSON.parse(entry.slice(0, cut))
    const flat = typeof named === 'string' ? ['org', named] : named
    for (let i = 0; Array.isArray(flat) && i + 1 < flat.length; i += 2) {
      scopes.push({ name: String(flat[i]), id: String(flat[i + 1]) })
    }
  } catch {
    scopes.length = 0
  }
  return { id, scopes, details: entry.slice(cut + 1) }
}

export function claimArgs(claims: readonly Claim[]): (string | number)[] {
  const args: (string | number)[] = []
  for (const claim of claims) {
    const [{ limit }] = claim.scopes
    const limits =
      claim.scopes.length === 1 ? limitArg(limit) : claim.scopes.map((scope) => limitArg(scope.limit)).join()
    args.push(claim.id, encodeEntry(claim), claim.reserve ? limits + reserveArg(claim.reserve) : limits)
  }
  return args
}

function reserveArg(reserve: Reserve): string {
  return 'slots' in reserve ? `/${reserve.slots}` : `/${reserve.percent}%`
}

export function slotArgs(slots: readonly Pick<IndexEntry, 'id' | 'scopes'>[]): (string | number)[] {
  return slots.flatMap((slot) => [slot.id, slot.scopes.length])
}

export function overrideArg(limit: number | undefined): string | number {
  return limit === undefined ? '' : limitArg(limit)
}

export function overrideOf(text: string): number | undefined {
  return text === '' ? undefined : limitOf(Number(text))
}

/**
 * Splits the first word off a reply: the refusals all verbs share, else what `read` makes of the rest. A number alone is
 * a yes with that number. Throws `MalformedReply`, or `WrongBuckets` where the node may not take part as it is set up.
 */
export function readReply<T>(raw: unknown, read: (rest: unknown[]) => T): Reply<T> {
  if (typeof raw === 'number') return { status: 'ok', value: read([raw]) }
  if (!Array.isArray(raw)) throw new MalformedReply(`expected a list, got ${typeof raw}`)
  const [word, ...rest] = raw
  switch (word) {
    case 'ok':
      return { status: 'ok', value: read(rest) }
    case 'lost':
    case 'fenced':
    case 'stale':
      return { status: 'refused', reason: word }
    case 'recovering':
      return { status: 'refused', reason: word, retryAfterMs: int(rest[0]) }
    case 'buckets':
      throw new WrongBuckets(text(rest[0]))
    default:
      throw new MalformedReply(`unknown answer ${JSON.stringify(word)}`)
  }
}

export function readHello([epoch, began, recoveryMs, policy, secret]: unknown[]): HelloReply {
  return {
    epoch: text(epoch),
    newEpoch: int(began) === 1,
    recoveryMs: int(recoveryMs),
    evictionPolicy: text(policy),
    resumeSecret: text(secret),
  }
}

export function readRenew([recoveryMs, liveNodes, overrideVersion, _, orders, ...dead]: unknown[]): RenewReply {
  return {
    recoveryMs: int(recoveryMs),
    liveNodes: int(liveNodes),
    overrideVersion: int(overrideVersion),
    ...readTold(orders),
    dead: dead.map(int),
  }
}

/** Whether nothing is in doubt that a renewal knows of: no lease is dead or late, and the store does not recover. */
export function saysAllIsUsual([recoveryMs, , , doubts]: unknown[]): boolean {
  return int(recoveryMs) === 0 && int(doubts) === 0
}

/** Kind, id, kind, id; of a probe the name and the id of its scope. */
function readTold(flat: unknown): Pick<RenewReply, 'orders' | 'probes'> {
  if (!Array.isArray(flat) || flat.length % 2 !== 0) throw new MalformedReply('orders come in pairs')
  const [orders, probes]: [Order[], ScopeRef[]] = [[], []]
  for (let i = 0; i < flat.length; i += 2) {
    const id = text(flat[i + 1])
    if (flat[i] === 'probe') probes.push(scopeOf(id))
    else orders.push({ kind: oneOf(ORDER_KINDS, flat[i]), id })
  }
  return { orders, probes }
}

export function readVerdicts(claims: readonly Claim[], rest: unknown[]): Verdict[] {
  expectLength(rest, claims.length)
  return claims.map((claim, i) => readVerdict(claim, rest[i]))
}

/** A number is a usual case, under the limit as it was given: the count, negative where the org is full. */
function readVerdict(claim: Claim, raw: unknown): Verdict {
  const { limit: given } = claim.scopes[0]
  if (!Array.isArray(raw)) {
    const count = int(raw)
    if (count > 0) return { admitted: true, count, limit: given }
    return { admitted: false, reason: 'full', scope: 0, count: Math.abs(count), limit: given }
  }
  expectLength(raw, claim.reserve ? 5 : 4)
  const [outcome, count, limit, freeInMs, kept] = raw.map(int) as [number, number, number, number, number?]
  const reserved = kept ? { reserved: kept } : {}
  if (outcome === 0) return { admitted: true, count, limit: limitOf(limit), ...reserved }
  if (outcome === -1) return { admitted: false, reason: 'broken' }
  if (outcome === -2) return { admitted: false, reason: 'memory' }
  if (outcome === -3) return { admitted: false, reason: 'conflict' }
  if (outcome < 0 || outcome > claim.scopes.length) throw new MalformedReply(`outcome ${outcome} of a claim`)
  const full = { admitted: false, reason: 'full', scope: outcome - 1, count, limit, ...reserved } as const
  return freeInMs < 0 ? full : { ...full, freeInMs }
}

export function readEntries(flat: unknown): IndexEntry[] {
  if (!Array.isArray(flat) || flat.length % 2 !== 0) throw new MalformedReply('index entries come in pairs')
  const entries: IndexEntry[] = []
  for (let i = 0; i < flat.length; i += 2) entries.push(decodeEntry(text(flat[i]), text(flat[i + 1])))
  return entries
}

export function readAudit(slots: readonly SlotRef[], [cursor, entries, whole, policy]: unknown[]): AuditReply {
  expectLength(whole, slots.length)
  return {
    cursor: text(cursor),
    entries: readEntries(entries),
    whole: whole.map((one) => int(one) === 1),
    evictionPolicy: text(policy),
  }
}

export function readReassert(claims: readonly Claim[], rest: unknown[]): ReassertVerdict[] {
  expectLength(rest, claims.length)
  return rest.map((word) => oneOf(REASSERT_VERDICTS, word))
}

export function int(value: unknown): number {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
    throw new MalformedReply(`expected an integer, got ${JSON.stringify(value)}`)
  }
  return number
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new MalformedReply(`expected text, got ${JSON.stringify(value)}`)
  return value
}

export function oneOf<T extends string>(words: readonly T[], value: unknown): T {
  const found = words.find((word) => word === value)
  if (found === undefined) throw new MalformedReply(`expected one of ${words}, got ${JSON.stringify(value)}`)
  return found
}

export function expectLength(list: unknown, length: number): asserts list is unknown[] {
  if (!Array.isArray(list) || list.length !== length) throw new MalformedReply(`expected ${length} results`)
}
