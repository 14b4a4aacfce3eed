import { setMaxListeners } from 'node:events'
import type { Clock } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { LeaseStore, Reply, StoreConnection } from '../lease-store.js'
import { RedisConnection } from './connection.js'
import { cut } from './cut.js'
import type { Dialed, RedisDialer } from './dial.js'
import { RedisInspector } from './inspector.js'
import { RedisJournal } from './journal.js'
import { type RedisKeys, redisKeys } from './keys.js'
import { leaveFormerPrimary } from './primary-watch.js'
import { RedisQuestions } from './questions.js'
import { RedisScript } from './script.js'
import { theWayTo, type Way } from './ways.js'

export interface RedisStoreOptions {
  /** Any of the forms that url.ts reads. */
  readonly url: string
  /** Where that has several buckets, which of them this is. */
  readonly way?: Way
  readonly timing: LeaseTiming
  readonly clock: Clock
  readonly keyPrefix: string
  /** Whether admissions wait after a store without memory; only tests switch it off. */
  readonly recovery?: boolean
  /** Another text for the one script; only tests and benchmarks give one. */
  readonly script?: string
}

const CLOSED = 'the store is closed'

/**
 * The store in Redis 7 or later: one primary that accepts writes, at an address, or named by sentinels or a cluster. It
 * keeps one bucket, and knows nothing of the others.
 */
export class RedisStore implements LeaseStore {
  readonly embedded = false
  readonly description: string
  readonly inspector: RedisInspector
  readonly journal: RedisJournal
  readonly #options: RedisStoreOptions
  readonly #buckets: number
  readonly #dialer: RedisDialer
  readonly #keys: RedisKeys
  readonly #script: RedisScript
  readonly #questions: RedisQuestions
  readonly #open = new Set<StoreConnection>()
  /** Whom the connection before went to, where that was found out. */
  #primary: Dialed['primary'] | undefined
  /** Aborts when the store is closed: ends connections that are being made. */
  readonly #over = new AbortController()

  /** Throws `INVALID_REDIS_URL` or `INVALID_KEY_PREFIX`. Connects on first use. */
  constructor(options: RedisStoreOptions) {
    this.#options = options
    // As many listen as connections are being made, which is for their makers to bound.
    setMaxListeners(0, this.#over.signal)
    const { url, clock, keyPrefix } = options
    const { dialer, bucket, buckets } = options.way ?? theWayTo(url, clock)
    this.#buckets = buckets
    this.#dialer = dialer
    this.description = this.#dialer.description
    this.#keys = redisKeys(keyPrefix, bucket)
    this.#script = new RedisScript(options.script)
    const dial = async (withinMs: number, over: AbortSignal) => (await this.#dialer.dial(withinMs, over)).redis
    this.#questions = new RedisQuestions(dial, clock)
    this.inspector = new RedisInspector(this.#questions, this.#keys, this.#script)
    this.journal = new RedisJournal(this.#questions, this.#keys)
  }

  async connect(): Promise<Reply<StoreConnection>> {
    const { timing, clock, recovery = true } = this.#options
    const over = this.#over.signal
    let dialed: Dialed
    try {
      dialed = await this.#dialer.dial(timing.callTimeoutMs, over)
    } catch (error) {
      return { status: 'unanswered', cause: over.aborted ? CLOSED : (error as Error).message }
    }
    const { redis, primary } = dialed
    if (over.aborted) {
      cut(redis)
      return { status: 'unanswered', cause: CLOSED }
    }
    const [script, keys, buckets] = [this.#script, this.#keys, this.#buckets]
    const connection = new RedisConnection({ redis, script, keys, buckets, timing, clock, recovery })
    this.#open.add(connection)
    connection.closed.then(() => this.#open.delete(connection))
    // Questions may still go to another primary, which knows nothing of what is decided from here on, and one that was
    // demoted ends no connection by itself.
    if (isAnother(primary, this.#primary)) this.#questions.hangUp()
    else this.#questions.moveOn()
    this.#primary = primary
    const { finder } = this.#dialer
    if (finder && primary) void leaveFormerPrimary({ connection, primary, finder, timing, clock })
    return { status: 'ok', value: connection }
  }

  async close(): Promise<void> {
    this.#over.abort()
    for (const connection of this.#open) connection.destroy(CLOSED)
    this.#questions.close()
  }
}

/** Behind an address that stays the same nobody can tell; at the first connection there was none before. */
function isAnother(primary: Dialed['primary'], before: Dialed['primary'] | undefined): boolean {
  return !!primary && !!before && (primary.host !== before.host || primary.port !== before.port)
}
