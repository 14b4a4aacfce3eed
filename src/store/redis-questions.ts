import type { Redis } from 'ioredis'
import type { Clock } from '../core/clock.js'
import { StoreUnavailable } from './lease-store.js'
import { cut } from './redis-cut.js'

/** Questions of operators may take longer than an admission, but not for ever. */
const DEADLINE_MS = 2_000

interface Line {
  readonly redis: Redis
  readonly ready: Promise<void>
}

/**
 * One connection for questions, made when the first is asked. A connection that failed or was too late is replaced
 * whole: what a frozen server still has of the old one then says nothing about the new one.
 */
export class RedisQuestions {
  readonly #client: () => Redis
  readonly #clock: Clock
  #line: Line | undefined
  #closed = false

  constructor(client: () => Redis, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** Rejects with `StoreUnavailable` when the store fails or does not answer within 2 s. */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreUnavailable('the store is closed')
    this.#line ??= this.#connect()
    const line = this.#line
    let cancel = () => {}
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#clock.after(DEADLINE_MS, () => {
        reject(new StoreUnavailable(`no answer within ${DEADLINE_MS} ms`))
        this.#drop(line)
      })
    })
    try {
      return await Promise.race([line.ready.then(() => question(line.redis)), deadline])
    } catch (error) {
      throw error instanceof StoreUnavailable ? error : new StoreUnavailable((error as Error).message)
    } finally {
      cancel()
    }
  }

  /** Whoever asks afterwards is told so: a new connection would have nobody left to close it. */
  close(): void {
    this.#closed = true
    if (this.#line) this.#drop(this.#line)
  }

  #connect(): Line {
    const redis = this.#client()
    let cause = 'the connection closed'
    // Without a listener ioredis would print errors; the cause reaches whoever asks.
    redis.on('error', (error: Error) => {
      cause = error.message
    })
    const ready = redis.connect().catch(() => {
      throw new StoreUnavailable(cause)
    })
    const line = { redis, ready }
    redis.once('close', () => this.#drop(line))
    // Whoever asks has the failure; this keeps it from counting as unhandled where nobody asks any more.
    ready.catch(() => this.#drop(line))
    return line
  }

  #drop(line: Line): void {
    if (this.#line !== line) return
    this.#line = undefined
    cut(line.redis)
  }
}
