import type { Redis } from 'ioredis'
import type { Clock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import { openClient } from './redis-client.js'
import { type Primary, RedisSentinels } from './redis-sentinels.js'
import { readTls } from './redis-tls.js'
import { parseRedisUrl, REDIS_URL_ACCEPTED, type RedisTarget, type ServerAddress } from './redis-url.js'

export interface Dialed {
  readonly redis: Redis
  /** Whom the sentinels named, where there are some. */
  readonly primary?: Primary
}

/** The share of a dial's time in which sentinels may answer; the rest is for the primary. */
const SENTINEL_SHARE = 0.5

/** Makes connections to the Redis that a URL names; behind sentinels it asks each time anew who is primary. */
export class RedisDialer {
  /** Where Redis is, without credentials. */
  readonly description: string
  readonly sentinels: RedisSentinels | undefined
  readonly #target: RedisTarget
  readonly #clock: Clock

  /** Throws `INVALID_REDIS_URL`. */
  constructor(url: string, clock: Clock) {
    const target = parseRedisUrl(url)
    if ('problem' in target) throw refused(target.problem)
    this.#target = target
    this.#clock = clock
    this.description = target.description
    const { at, sentinelLogin } = target
    if (at.kind === 'sentinels') {
      const client = () => ({ ...sentinelLogin, ...this.#tls() })
      this.sentinels = new RedisSentinels({ sentinels: at.sentinels, name: at.primary, clock, client })
    }
    try {
      this.#tls()
    } catch (error) {
      throw refused((error as Error).message)
    }
  }

  /** Rejects with an Error that says why there is no connection after `withinMs`, and leaves nothing open then. */
  async dial(withinMs: number, over: AbortSignal): Promise<Dialed> {
    const startMs = this.#clock.monotonicMs()
    const { at, login, database } = this.#target
    const primary = await this.sentinels?.find(withinMs * SENTINEL_SHARE, over)
    const where = at.kind === 'server' ? at.server : at.kind === 'socket' ? { path: at.path } : serverOf(primary!)
    const leftMs = Math.max(1, withinMs - (this.#clock.monotonicMs() - startMs))
    const patience = { clock: this.#clock, withinMs: leftMs, over }
    const redis = await openClient({ ...where, ...login, db: database, ...this.#tls() }, patience)
    return { redis, ...(primary && { primary }) }
  }

  #tls(): { tls?: ReturnType<typeof readTls> } {
    return this.#target.tls ? { tls: readTls(this.#target.tls) } : {}
  }
}

function serverOf({ host, port }: Primary): ServerAddress {
  return { host, port }
}

function refused(problem: string): UsageError {
  return new UsageError('INVALID_REDIS_URL', `the Redis URL takes ${REDIS_URL_ACCEPTED}; ${problem}`)
}
