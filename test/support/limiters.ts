import { afterEach, beforeEach } from 'vitest'
import { createLimiter, type Limiter, type LimiterOptions } from '../../src/index.js'
import { freshPrefix, startRedis, type TestRedis } from './redis.js'

export interface Limiters {
  /** The store of this test alone, which may be frozen or stopped. */
  readonly redis: TestRedis
  /** So many limiters on one store, all of them ready. */
  start(count: number, options: LimiterOptions): Promise<Limiter[]>
}

/** Gives every test of a file a Redis of its own and limiters on it, and takes both away again. */
export function useLimiters(): Limiters {
  let redis: TestRedis
  let keyPrefix: string
  const limiters: Limiter[] = []

  beforeEach(async () => {
    redis = await startRedis()
    keyPrefix = freshPrefix()
  })

  afterEach(async () => {
    await redis.resume()
    await Promise.all(limiters.splice(0).map((limiter) => limiter.drain({ withinMs: 1_000 })))
    await redis.stop()
  })

  return {
    get redis() {
      return redis
    },
    async start(count, options) {
      const started = Array.from({ length: count }, () => createLimiter({ redis: redis.url, keyPrefix, ...options }))
      limiters.push(...started)
      await Promise.all(started.map((limiter) => limiter.ready()))
      return started
    },
  }
}
