import { BucketedStore } from '../bucketed-store.js'
import type { LeaseStore } from '../lease-store.js'
import { RedisStore, type RedisStoreOptions } from './store.js'
import { waysTo } from './ways.js'

/** The store, or the buckets, in the Redis that a URL names. Throws `INVALID_REDIS_URL` or `INVALID_KEY_PREFIX`. */
export function openRedis(options: Omit<RedisStoreOptions, 'way'>): LeaseStore | BucketedStore {
  const [first, ...others] = waysTo(options.url, options.clock).map((way) => new RedisStore({ ...options, way }))
  return others.length === 0 ? first! : new BucketedStore([first!, ...others], options.clock)
}
