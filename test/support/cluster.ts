import { systemClock } from '../../src/core/clock.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { LimiterNode } from '../../src/node/limiter-node.js'
import type { LeaseStore } from '../../src/store/lease-store.js'
import { MemoryStore } from '../../src/store/memory/store.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { until } from './until.js'

/** Short lives, so that expiry is seen within a test; the proportions are those of the defaults. */
export const SHORT = leaseTiming({ ttlMs: 1_500, renewIntervalMs: 200, callTimeoutMs: 250 })

/** For storms on a busy machine, where a call may take long and nothing is expected to expire. */
export const PATIENT = leaseTiming({ ttlMs: 12_000, renewIntervalMs: 500, callTimeoutMs: 5_000 })

export function redisStore(url: string, keyPrefix: string, timing = SHORT): RedisStore {
  return new RedisStore({ url, keyPrefix, timing, clock: systemClock })
}

export function memoryStore(timing = SHORT): MemoryStore {
  return new MemoryStore({ timing, clock: systemClock })
}

/** Nodes in this process, each with a store of its own kind of connection, started and admitting. */
export async function startNodes(
  count: number,
  store: () => LeaseStore,
  { connectionsPerOrg = 3, timing = SHORT } = {},
): Promise<LimiterNode[]> {
  const nodes = Array.from(
    { length: count },
    (_, i) =>
      new LimiterNode({
        ...{ store: store(), timing, clock: systemClock, random: Math.random, connectionsPerOrg },
        name: `node-${i + 1}`,
      }),
  )
  for (const node of nodes) node.start()
  await until(() => nodes.every((node) => node.phase === 'running'), { what: 'all nodes running' })
  return nodes
}
