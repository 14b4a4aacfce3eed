import { mayEvictSlots } from '../../store/eviction-policy.js'
import type { StoreFacts } from '../../store/redis/store-facts.js'
import { counted } from '../terminal/counted.js'
import type { Finding, FindingCode } from './findings.js'

const SLOW_MS = 50
const NEARLY = 0.9

/** What is wrong with a Redis as such, whatever it holds. */
export function judgeRedis(facts: StoreFacts): Finding[] {
  const { info, answersMs, missingRights, scriptLoaded, leases, buckets, meta } = facts
  const found: Finding[] = []
  const find = (code: FindingCode, detail: string) => void found.push({ code, subject: '', detail })
  const number = (name: string) => Number(info.get(name) ?? 0)
  const version = info.get('redis_version') ?? ''
  if (Number.parseInt(version, 10) < 7) find('REDIS_VERSION', `it is ${version}`)
  // Not redis_mode, which Valkey calls server_mode.
  if (info.get('cluster_enabled') === '1' && !facts.viaCluster) find('REDIS_CLUSTER', 'it runs in cluster mode')
  if (meta.buckets !== undefined && Number(meta.buckets) !== buckets)
    find('BUCKETS_DIFFER', `the URL says ${buckets}, the nodes ${meta.buckets}`)
  const isReplica = info.get('role') === 'slave'
  if (isReplica) find('REPLICA', 'this is a replica')
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  const evicts = mayEvictSlots(policy)
  if (evicts) find('EVICTION_POLICY', `maxmemory-policy is ${policy}`)
  // Of the keys that have an end some are evicted all the time where the policy says so, and none of them is ours.
  if (number('evicted_keys') > 0 && !policy.startsWith('volatile-'))
    find(
      evicts ? 'KEYS_EVICTED' : 'KEYS_WERE_EVICTED',
      `${counted(number('evicted_keys'), 'key was', 'keys were')} evicted since its start`,
    )
  const memory = number('maxmemory') > 0 ? number('used_memory') / number('maxmemory') : 0
  if (memory >= NEARLY) {
    find(memory >= 1 ? 'MEMORY_FULL' : 'MEMORY_NEARLY_FULL', `${Math.floor(100 * memory)}% of maxmemory is used`)
  }
  const clients = number('connected_clients') / (number('maxclients') || Number.POSITIVE_INFINITY)
  if (clients >= NEARLY)
    find('CLIENTS_NEARLY_FULL', `${number('connected_clients')} of ${number('maxclients')} clients`)
  if (facts.writesRefused?.includes('NOREPLICAS')) {
    const good = number('min_slaves_good_slaves')
    find(
      'REPLICAS_MISSING',
      `${counted(good, 'replica keeps', 'replicas keep')} up, and min-replicas-to-write wants more`,
    )
  } else if (facts.writesRefused !== undefined) find('WRITES_REFUSED', facts.writesRefused)
  if ((info.get('rdb_last_bgsave_status') ?? 'ok') !== 'ok')
    find('SAVE_FAILED', 'the last snapshot could not be written')
  if ((info.get('aof_last_write_status') ?? 'ok') !== 'ok')
    find('SAVE_FAILED', 'the append-only file could not be written')
  const median = [...answersMs].sort((one, other) => one - other)[answersMs.length >> 1] ?? 0
  if (median > SLOW_MS) find('SLOW_ANSWERS', `an answer takes ${Math.round(median)} ms`)
  // No node asks a replica, and scripts are not replicated.
  if (!scriptLoaded && leases.size > 0 && !isReplica)
    find('SCRIPT_NOT_LOADED', 'nodes have leases, and Redis does not know the script')
  for (const right of missingRights) found.push({ code: 'RIGHTS_MISSING', subject: '', detail: right, item: right })
  return found
}
