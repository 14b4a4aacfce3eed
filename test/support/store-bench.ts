import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { systemClock } from '../../src/core/clock.js'
import { type LeaseTiming, leaseTiming } from '../../src/core/lease-timing.js'
import type { LeaseStore } from '../../src/store/lease-store.js'
import { MemoryStore } from '../../src/store/memory/store.js'
import { type RedisKeys, redisKeys } from '../../src/store/redis/keys.js'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { theWayTo } from '../../src/store/redis/ways.js'
import { ManualClock } from './manual-clock.js'
import { freshPrefix, sharedRedisUrl } from './redis.js'
import { heldTimeKey, memoryContents, redisContents, type StoreContents } from './store-contents.js'

/** A store on the test bench: its time, its memory and its identity are in the test's hand. */
export interface StoreBench {
  readonly store: LeaseStore
  readonly timing: LeaseTiming
  /** Moves the store's TIME by so much, either way. */
  pass(ms: number): Promise<void>
  setTime(ms: number): Promise<void>
  /** Takes away all its memory, as FLUSHALL does. */
  wipe(): Promise<void>
  /** Its memory speaks of another store from here on, as an old snapshot or a promoted replica does. */
  becomeAnother(): Promise<void>
  contents(): Promise<StoreContents>
  close(): Promise<void>
}

export interface RedisBench extends StoreBench {
  /** A client beside the store, to plant and look. */
  readonly redis: Redis
  readonly keys: RedisKeys
  readonly prefix: string
  /** The same store as a node sees it that was told of so many buckets; whoever asks for it closes it. */
  beside(buckets: number): RedisStore
}

export interface BenchOptions {
  /** Whether admissions wait after a store without memory; the tests of other promises do without. */
  readonly recovery?: boolean
}

/** A call may take long on a busy machine; nothing but the deadline tests depends on it. */
export const TIMING = leaseTiming({ ttlMs: 15_000, renewIntervalMs: 3_000, callTimeoutMs: 5_000 })

const START_MS = Date.UTC(2030, 0, 1)

/** The script under test; `npm run mutants:lua` puts one with a mistake in its place. */
const { HEADCOUNT_SCRIPT } = process.env
const SCRIPT_UNDER_TEST = HEADCOUNT_SCRIPT === undefined ? SCRIPT : readFileSync(HEADCOUNT_SCRIPT, 'utf8')

export function memoryBench({ recovery = false }: BenchOptions = {}): StoreBench & { readonly store: MemoryStore } {
  const clock = new ManualClock(0, START_MS)
  const store = new MemoryStore({ timing: TIMING, clock, recovery })
  return {
    store,
    timing: TIMING,
    pass: async (ms) => clock.setWall(clock.wallMs() + ms),
    setTime: async (ms) => clock.setWall(ms),
    wipe: async () => store.tables.wipe(),
    async becomeAnother() {
      store.tables.rememberedIdentity = 'another'
    },
    contents: async () => memoryContents(store.tables),
    close: () => store.close(),
  }
}

export interface RedisBenchOptions extends BenchOptions {
  readonly url?: string
  /** How the store gets there, where that is another way than the bench's own. */
  readonly storeUrl?: (redis: Redis, prefix: string) => Promise<string>
  /** Another text of the script; its TIME is taken over all the same. */
  readonly script?: string
  readonly timing?: LeaseTiming
  /** Leave the store's TIME to Redis: then `pass` and `setTime` throw. */
  readonly realTime?: boolean
}

export async function redisBench(options: RedisBenchOptions = {}): Promise<RedisBench> {
  const {
    url = sharedRedisUrl(),
    script = SCRIPT_UNDER_TEST,
    timing = TIMING,
    realTime = false,
    recovery = false,
  } = options
  const prefix = freshPrefix()
  const keys = redisKeys(prefix)
  const redis = new Redis(url)
  const text = realTime ? script : withHeldTime(script)
  const storeUrl = (await options.storeUrl?.(redis, prefix)) ?? url
  const storeOptions = { url: storeUrl, timing, clock: systemClock, keyPrefix: prefix, recovery, script: text }
  const store = new RedisStore(storeOptions)
  let nowMs = START_MS
  const setTime = async (ms: number) => {
    if (realTime) throw new Error('this store has the time of its Redis')
    nowMs = ms
    const time = [Math.floor(ms / 1_000), (ms % 1_000) * 1_000]
    await redis
      .multi()
      .del(heldTimeKey(keys))
      .rpush(heldTimeKey(keys), ...time)
      .exec()
  }
  const wipe = async () => {
    const held = await redis.keys(`${prefix}*`)
    if (held.length > 0) await redis.del(...held)
    if (!realTime) await setTime(nowMs)
  }
  if (!realTime) await setTime(nowMs)
  return {
    ...{ store, timing, redis, keys, prefix, setTime, wipe },
    beside: (buckets) => new RedisStore({ ...storeOptions, way: { ...theWayTo(storeUrl, systemClock), buckets } }),
    pass: (ms) => setTime(nowMs + ms),
    becomeAnother: async () => void (await redis.hset(keys.meta, 'identity', 'another')),
    contents: () => redisContents(redis, keys, prefix),
    async close() {
      await store.close()
      const held = await redis.keys(`${prefix}*`).catch(() => [])
      if (held.length > 0) await redis.del(...held)
      redis.disconnect()
    },
  }
}

/** The same script, with its TIME read from a list of seconds and microseconds that the test writes. */
function withHeldTime(script: string): string {
  const asked = "redis.call('TIME')"
  if (script.split(asked).length < 2) throw new Error('the script no longer asks for TIME in the expected words')
  return script.replaceAll(asked, "redis.call('LRANGE', KEYS[2] .. ':time', 0, 1)")
}
