import { bounded } from '../bounded.js'
import type { TakeoverClaim, Verdict } from '../lease-store.js'
import type { Caller, ScriptCall } from './call.js'
import { claimArgs, int, readVerdicts } from './codec.js'
import { type RedisKeys, scopeKeys } from './keys.js'

export function takeoverCall(
  keys: RedisKeys,
  [lease, token]: Caller,
  claims: readonly TakeoverClaim[],
): ScriptCall<Verdict[]> {
  return [
    [
      ...[keys.admission, keys.meta, keys.dead, keys.late, keys.conns(lease), ...keys.closingOrders, keys.taken],
      ...scopeKeys(keys, claims),
    ],
    [
      ...['takeover', lease, token, bounded(claims)],
      ...claims.flatMap((claim) => [...claimArgs([claim]), claim.replaces]),
    ],
    (rest) => readTakeovers(claims, rest),
  ]
}

/** As of acquire, and before it whether a slot was taken over. */
function readTakeovers(claims: readonly TakeoverClaim[], rest: unknown[]): Verdict[] {
  const lists = rest.filter(Array.isArray)
  const verdicts = readVerdicts(
    claims,
    lists.map(([, ...verdict]) => verdict),
  )
  return verdicts.map((verdict, i) => {
    return verdict.admitted && int(lists[i]?.[0]) === 1 ? { ...verdict, tookOver: true } : verdict
  })
}
