import type { ScopeRef } from './claims.js'
import { MOST_PROBES, type ProbeReply } from './orders.js'
import { int } from './redis-codec.js'
import type { RedisKeys } from './redis-keys.js'

/** Keys, arguments, and how the reply is read. */
type ProbeCall = [keys: string[], args: (string | number)[], read: (rest: unknown[]) => ProbeReply]

export function probeCall(
  keys: RedisKeys,
  caller: readonly [lease: number, token: string],
  scope: ScopeRef,
): ProbeCall {
  return [
    [keys.admission, keys.meta, keys.leases, keys.probes, keys.scope(scope)],
    ['probe', ...caller, `${scope.name}:${scope.id}`, MOST_PROBES],
    ([asked]) => ({ asked: int(asked) }),
  ]
}
