import type { Clock } from '../../core/clock.js'
import { UsageError } from '../../core/errors.js'
import { RedisClusterMap } from './cluster-map.js'
import { RedisDialer, tlsOf } from './dial.js'
import type { PrimaryFinder } from './primary.js'
import { RedisSentinels } from './sentinels.js'
import { slotOfTag } from './slot.js'
import { parseRedisUrl, REDIS_URL_ACCEPTED, type RedisTarget } from './url.js'

/** How a bucket is reached, and which of how many it is. */
export interface Way {
  readonly dialer: RedisDialer
  readonly bucket: number
  readonly buckets: number
  /** Whether it is asked of a Redis Cluster who serves the bucket. */
  readonly viaCluster: boolean
}

/**
 * The ways to all buckets of the Redis that a URL names: one, and of a cluster as many as it says. Throws
 * `INVALID_REDIS_URL`.
 */
export function waysTo(url: string, clock: Clock): Way[] {
  const target = parseRedisUrl(url)
  if ('problem' in target) throw refused(`${target.problem}; it takes ${REDIS_URL_ACCEPTED}`)
  try {
    tlsOf(target)
  } catch (error) {
    throw refused((error as Error).message)
  }
  const { buckets } = target
  const viaCluster = target.at.kind === 'cluster'
  const finderOf = finders(target, clock)
  return Array.from({ length: buckets }, (_, bucket) => {
    return { dialer: new RedisDialer(target, clock, finderOf(bucket)), bucket, buckets, viaCluster }
  })
}

/** The one way to a Redis without buckets. Throws `INVALID_REDIS_URL`. */
export function theWayTo(url: string, clock: Clock): Way {
  const [way, ...more] = waysTo(url, clock)
  if (way && more.length === 0) return way
  throw refused('this one has several buckets')
}

function finders(target: RedisTarget, clock: Clock): (bucket: number) => PrimaryFinder | undefined {
  const { at, login, sentinelLogin } = target
  if (at.kind === 'sentinels') {
    const client = () => ({ ...sentinelLogin, ...tlsOf(target) })
    const sentinels = new RedisSentinels({ servers: at.sentinels, name: at.primary, clock, client })
    return () => sentinels
  }
  if (at.kind !== 'cluster') return () => undefined
  const map = new RedisClusterMap({ servers: at.servers, clock, client: () => ({ ...login, ...tlsOf(target) }) })
  return (bucket) => map.finderOf(slotOfTag(String(bucket)))
}

function refused(problem: string): UsageError {
  return new UsageError('INVALID_REDIS_URL', `the Redis URL cannot be used: ${problem}`)
}
