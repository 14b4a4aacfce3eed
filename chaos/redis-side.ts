import { startRedisCluster } from '../test/support/redis-cluster.js'
import { findLauncher, launch, type TestRedis } from '../test/support/redis-launcher.js'
import { type SentinelSet, startSentinelSet } from '../test/support/sentinel-set.js'
import { ClusterSide } from './cluster-side.js'
import { type MovableClock, movableClock } from './redis-clock.js'

/**
 * One Redis, from which nodes can be cut off one by one; a primary with two replicas, and sentinels that replace it; or a
 * Redis Cluster of three primaries with a replica each.
 */
export const REDIS_KINDS = ['single', 'sentinel', 'cluster'] as const
export type RedisKind = (typeof REDIS_KINDS)[number]

/** The Redis of a run: what the nodes are given, and what faults can do to it. One of the first three is there. */
export interface RedisSide {
  readonly single?: SingleRedis
  readonly sentinels?: SentinelSet
  readonly cluster?: ClusterSide
  readonly url: string
  /** Whoever takes writes now, each for a part of the keys. Rejects while somebody is missing. */
  primaryUrls(): Promise<string[]>
  stop(): Promise<void>
}

export interface SingleRedis {
  readonly server: TestRedis
  /** Absent where its clock cannot be moved. */
  readonly clock: MovableClock | undefined
}

/** Slower than in the tests: a machine that is busy with hundreds of clients must not look dead to other servers. */
const DOWN_AFTER_MS = 2_000

export async function startRedisSide(kind: RedisKind): Promise<RedisSide> {
  const launcher = await findLauncher(
    kind === 'single' ? process.env : { ...process.env, TEST_REDIS_PROVIDER: 'binary' },
  )
  if (kind === 'single') {
    const clock = await movableClock(launcher)
    const server = await launch(launcher, { ...(clock && { env: clock.env }) })
    return {
      single: { server, clock },
      url: server.url,
      primaryUrls: async () => [server.url],
      stop: () => server.stop(),
    }
  }
  if (kind === 'cluster') {
    const servers = await startRedisCluster({ launcher, replicas: true, nodeTimeoutMs: DOWN_AFTER_MS })
    const cluster = new ClusterSide(servers)
    const primaryUrls = async () => (await cluster.primaries()).map(({ url }) => url)
    return { cluster, url: servers.url, primaryUrls, stop: servers.stop }
  }
  const sentinels = await startSentinelSet({ launcher, downAfterMs: DOWN_AFTER_MS })
  return {
    sentinels,
    url: sentinels.url,
    stop: sentinels.stop,
    primaryUrls: async () => [sentinels.urlOf(await sentinels.primary())],
  }
}
