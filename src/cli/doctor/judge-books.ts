import { type NodeStats, nodeStats } from '../../limiter/node-stats.js'
import type { RedisKeys } from '../../store/redis/keys.js'
import type { StoreFacts } from '../../store/redis/store-facts.js'
import { counted } from '../terminal/counted.js'
import { duration } from '../terminal/words.js'
import type { Finding, FindingCode } from './findings.js'

/** So long without a renewal is longer than any lease that is in use. */
const SILENT_MS = 30_000
const CLOCK_STEP_MS = 1_000

/** What is wrong with what a Redis holds for a cluster: see the invariants in lua/README.md. */
export function judgeBooks(facts: StoreFacts, keys: RedisKeys): Finding[] {
  // What this user may not read, or what has another type, is not missing; what all else is compared with are these.
  const unread = [keys.meta, keys.admission, keys.leases, keys.dead].filter((key) =>
    facts.skipped.some((each) => each.startsWith(`${key}: `)),
  )
  if (unread.length > 0) return judgeKeys(facts, keys)
  if (Object.keys(facts.meta).length === 0 && facts.leases.size === 0) {
    return [...judgeKeys(facts, keys), { code: 'NO_CLUSTER', subject: keys.meta, detail: 'no node has ever been here' }]
  }
  return [
    ...judgeLife(facts),
    ...judgeNodes(facts),
    ...judgeLeases(facts),
    ...judgeSets(facts, keys),
    ...judgeKeys(facts, keys),
  ]
}

function judgeLife({ meta, info, leases, timeMs }: StoreFacts): Finding[] {
  const found: Finding[] = []
  const find = (code: FindingCode, detail: string) => void found.push({ code, subject: '', detail })
  const identity = `${info.get('run_id')}:${info.get('master_replid')}`
  // A replica is another process with the same data.
  if (info.get('role') !== 'slave' && meta.identity !== identity)
    find('STORE_CHANGED', 'what it holds was written by another one')
  if (meta.recovery !== undefined) find('RECOVERING', 'it recovers from a loss')
  if (leases.size === 0) find('NO_NODES', 'no node has a lease')
  const silentMs = timeMs - Number(meta.time ?? timeMs)
  if (leases.size > 0 && silentMs > SILENT_MS)
    find('NO_RENEWALS', `nobody has renewed for ${Math.floor(silentMs / 1_000)} s`)
  // A replica has a clock of its own, which nobody has written with.
  if (info.get('role') !== 'slave' && silentMs < -CLOCK_STEP_MS)
    find('CLOCK_WENT_BACK', `by ${Math.ceil(-silentMs / 1_000)} s since the last renewal`)
  return found
}

/** The node of each lease, by what it has told Redis of itself; how many connections it has is not looked at. */
export function nodesOf({ meta, leases, nodes }: StoreFacts): Map<string, NodeStats> {
  const clockMs = Number(meta.clock ?? 0)
  const each = [...leases].map(([id, expiryMs]): [string, NodeStats] => {
    const node = { lease: Number(id), connections: 0, expiresInMs: expiryMs - clockMs, info: nodes[id] ?? '' }
    return [id, nodeStats(node)]
  })
  return new Map(each)
}

function judgeNodes(facts: StoreFacts): Finding[] {
  return [...nodesOf(facts)].flatMap(([id, { name, late, heartbeatAgeMs = 0, leaseExpiresInMs }]): Finding[] => {
    const subject = name === id ? `lease ${id}` : name
    if (leaseExpiresInMs <= 0) return [{ code: 'LEASE_LAPSED', subject, item: id, detail: `lease ${id} has lapsed` }]
    if (!late) return []
    const detail = `silent for ${duration(heartbeatAgeMs)}, its lease ends in ${duration(leaseExpiresInMs)}`
    return [{ code: 'NODE_LATE', subject, item: id, detail }]
  })
}

function judgeLeases({ admission, leases, dead }: StoreFacts): Finding[] {
  const fences = Object.keys(admission).filter((field) => /^\d+$/.test(field))
  const lease = (code: FindingCode, id: string, detail: string): Finding => ({ code, subject: `lease ${id}`, detail })
  return [
    ...[...dead].map((id) => lease('DEAD_NOT_SWEPT', id, 'is dead and not swept')),
    ...fences.filter((id) => !leases.has(id)).map((id) => lease('FENCE_MISMATCH', id, 'may act and never expires')),
    ...[...leases.keys()]
      .filter((id) => admission[id] === undefined)
      .map((id) => lease('FENCE_MISMATCH', id, 'has an expiry and may not act')),
  ]
}

function judgeSets({ admission, dead, sets, indexes, orders, allKeys }: StoreFacts, keys: RedisKeys): Finding[] {
  const found: Finding[] = []
  /** What was not looked at is not missing. */
  const holds = (set: string, item: string, lease: string) =>
    sets.has(set) || allKeys ? sets.get(set)?.get(item) === lease : true
  for (const [set, members] of sets) {
    const subject = set.startsWith(keys.orgPrefix) ? `org ${set.slice(keys.orgPrefix.length)}` : set
    let living = 0
    for (const [item, lease] of members) {
      if (admission[lease] !== undefined) living++
      else if (!dead.has(lease)) {
        found.push({ code: 'MEMBER_WITHOUT_LEASE', subject, item, detail: `connection ${item} of lease ${lease}` })
        continue
      }
      if (indexes.get(lease)?.get(item)?.includes(set) || !(allKeys || indexes.has(lease))) continue
      found.push({ code: 'MEMBER_WITHOUT_INDEX', subject, item, detail: `connection ${item} of lease ${lease}` })
    }
    const limit = Number(admission[set] ?? -1)
    if (limit >= 0 && living > limit) found.push({ code: 'ORG_OVER_LIMIT', subject, detail: `${living} of ${limit}` })
  }
  for (const [lease, entries] of indexes) {
    const subject = `lease ${lease}`
    if (admission[lease] === undefined && !dead.has(lease)) {
      found.push({ code: 'INDEX_WITHOUT_LEASE', subject, detail: counted(entries.size, 'entry', 'entries') })
      continue
    }
    for (const [item, named] of entries) {
      if (named.every((set) => holds(set, item, lease))) continue
      // Its slot is another's now, and its node is to close it; one that is dead is swept.
      if (orders.get(item) === lease) continue
      found.push({ code: 'INDEX_WITHOUT_MEMBER', subject, item, detail: `connection ${item}` })
    }
  }
  for (const [item, lease] of orders) {
    if (admission[lease] !== undefined) continue
    found.push({ code: 'ORDER_WITHOUT_LEASE', subject: `lease ${lease}`, item, detail: `connection ${item}` })
  }
  return found
}

/** What each of our keys must be; the names of scopes and leases come last, so a beginning says which it is. */
function typesOf(keys: RedisKeys): readonly (readonly [name: string, isWhole: boolean, type: string])[] {
  const [records, versions, expiry, clears] = keys.overrides
  const { admission, meta, nodes, totals, leases, late, dead, journal, taken, evicted, probes } = keys
  return [
    ...[admission, meta, nodes, totals, records].map((name) => [name, true, 'hash'] as const),
    ...[leases, late, versions, expiry, clears, taken, evicted, probes, ...keys.allOrders].map(
      (name) => [name, true, 'zset'] as const,
    ),
    [dead, true, 'set'],
    ...Object.values(journal).map((name) => [name, true, 'stream'] as const),
    [keys.orgPrefix, false, 'zset'],
    [keys.scopePrefix, false, 'zset'],
    [keys.conns(''), false, 'hash'],
  ]
}

function judgeKeys(facts: StoreFacts, keys: RedisKeys): Finding[] {
  const types = typesOf(keys)
  return facts.keys.flatMap(({ name, type, expires }): Finding[] => {
    if (type === 'none') return []
    const known = types.find(([each, isWhole]) => (isWhole ? name === each : name.startsWith(each)))
    if (!known) return [{ code: 'UNKNOWN_KEY', subject: '', item: name, detail: name }]
    return [
      ...(known[2] === type
        ? []
        : [{ code: 'FOREIGN_TYPE' as const, subject: name, detail: `a ${type}, not a ${known[2]}` }]),
      ...(expires ? [{ code: 'KEY_EXPIRES' as const, subject: name, detail: 'it will vanish by itself' }] : []),
    ]
  })
}
