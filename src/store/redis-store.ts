import { Redis, type RedisOptions } from 'ioredis'
import type { Clock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import type { LeaseTiming } from '../core/lease-timing.js'
import type { Holder, LeaseStore, NodeEntry, OrgCount, Reply, StoreConnection } from './lease-store.js'
import { RedisConnection } from './redis-connection.js'
import { RedisInspector } from './redis-inspector.js'
import { type RedisKeys, redisKeys } from './redis-keys.js'
import { RedisQuestions } from './redis-questions.js'
import { RedisScript } from './redis-script.js'

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user, password and database where needed. */
  readonly url: string
  readonly timing: LeaseTiming
  readonly clock: Clock
  readonly keyPrefix: string
  /** Whether admissions wait after a store without memory; only tests switch it off. */
  readonly recovery?: boolean
  /** Another text for the one script; only tests and benchmarks give one. */
  readonly script?: string
}

/** The store in Redis 7 or later: one primary that accepts writes. */
export class RedisStore implements LeaseStore {
  readonly embedded = false
  readonly description: string
  readonly #options: RedisStoreOptions
  readonly #redisOptions: Omit<RedisOptions, 'replyMapping'>
  readonly #keys: RedisKeys
  readonly #script: RedisScript
  readonly #questions: RedisQuestions
  readonly #inspector: RedisInspector
  /** Also those that are being made: whoever closes the store ends them too. */
  readonly #open = new Set<StoreConnection>()
  #closed = false

  /** Throws `INVALID_REDIS_URL` or `INVALID_KEY_PREFIX`. Connects on first use. */
  constructor(options: RedisStoreOptions) {
    this.#options = options
    this.description = describe(options.url)
    this.#keys = redisKeys(options.keyPrefix)
    this.#script = new RedisScript(options.script)
    this.#redisOptions = {
      lazyConnect: true,
      // An admission must not hang behind a queue that nobody sees, and nothing may be sent twice.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      // The script says itself when the store is loading or read-only; asking first costs a round trip.
      enableReadyCheck: false,
      retryStrategy: null,
      protocol: 2,
      connectTimeout: Math.max(1_000, options.timing.callTimeoutMs),
      noDelay: true,
    }
    this.#questions = new RedisQuestions(() => this.#client(), options.clock)
    this.#inspector = new RedisInspector(this.#questions, this.#keys, this.#script)
  }

  async connect(): Promise<Reply<StoreConnection>> {
    if (this.#closed) return { status: 'unanswered', cause: 'the store is closed' }
    const redis = this.#client()
    let cause = 'the connection closed'
    // Without a listener ioredis prints errors itself; the cause travels in the reply instead.
    redis.on('error', (error: Error) => {
      cause = error.message
    })
    const { script, keys } = { script: this.#script, keys: this.#keys }
    const { timing, clock, recovery = true } = this.#options
    const connection = new RedisConnection({ redis, script, keys, timing, clock, recovery })
    this.#open.add(connection)
    connection.closed.then(() => this.#open.delete(connection))
    const cancel = clock.after(timing.callTimeoutMs, () => {
      cause = `no connection within ${timing.callTimeoutMs} ms`
      connection.destroy(cause)
    })
    try {
      await redis.connect()
    } catch {
      // What ioredis throws here says only that the connection is closed; the event before it said why.
      connection.destroy(cause)
      this.#open.delete(connection)
      return { status: 'unanswered', cause }
    } finally {
      cancel()
    }
    return { status: 'ok', value: connection }
  }

  countOrgs(orgs: readonly string[]): Promise<OrgCount[]> {
    return this.#inspector.countOrgs(orgs)
  }

  listOrgs(cursor: string): Promise<{ cursor: string; orgs: string[] }> {
    return this.#inspector.listOrgs(cursor)
  }

  holders(org: string, limit: number): Promise<Holder[]> {
    return this.#inspector.holders(org, limit)
  }

  nodes(): Promise<NodeEntry[]> {
    return this.#inspector.nodes()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const connection of this.#open) connection.destroy('the store is closed')
    this.#questions.close()
  }

  #client(): Redis {
    return new Redis(this.#options.url, this.#redisOptions)
  }
}

function describe(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'redis:' && parsed?.protocol !== 'rediss:') {
    throw new UsageError('INVALID_REDIS_URL', 'the Redis URL must begin with redis:// or rediss:// and name a host')
  }
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
