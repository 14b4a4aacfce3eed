import type { Redis } from 'ioredis'
import type { Clock } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { RedisKeys } from './keys.js'
import type { RedisScript } from './script.js'

/** What a connection to Redis is made of. */
export interface Wiring {
  readonly redis: Redis
  readonly script: RedisScript
  readonly keys: RedisKeys
  /** Over how many buckets the nodes spread their orgs. */
  readonly buckets: number
  readonly timing: LeaseTiming
  readonly clock: Clock
  /** Whether admissions wait after a store without memory; only tests switch it off. */
  readonly recovery: boolean
}
