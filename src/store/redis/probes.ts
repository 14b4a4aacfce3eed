import { type ScopeRef, scopeKey } from '../claims.js'
import type { ProbeReply } from '../orders.js'
import type { Caller, ScriptCall } from './call.js'
import { int } from './codec.js'
import type { RedisKeys } from './keys.js'

export function probeCall(keys: RedisKeys, caller: Caller, scope: ScopeRef): ScriptCall<ProbeReply> {
  return [
    [keys.admission, keys.meta, keys.leases, keys.probes, keys.scope(scope), keys.late],
    ['probe', ...caller, scopeKey(scope)],
    ([asked]) => ({ asked: int(asked) }),
  ]
}
