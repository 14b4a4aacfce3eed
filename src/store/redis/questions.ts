import type { Redis } from 'ioredis'
import type { Clock } from '../../core/clock.js'
import { StoreUnavailable } from '../lease-store.js'
import { cut } from './cut.js'

/** Questions of operators may take longer than an admission, but not for ever. */
const DEADLINE_MS = 2_000
/** More would stand before the admissions in Redis's queue, and pile up here while Redis is away. */
const MAX_WAITING = 64
/**
 * What is idle for long may be cut on its way without a word, by a firewall or a balancer, and whoever asks then is told
 * nothing until the deadline. The shortest such patience in use is a minute; a node asks of its own accord every half
 * minute and a renewal, and is not to connect anew each time.
 */
const IDLE_MS = 45_000

/** Of a connection that another question has given up, or that was lost before this one was sent. */
const inOurWords = (message: string) =>
  /^Connection is closed|^Stream isn't writeable/.test(message) ? 'the connection to the store closed' : message

interface Line {
  readonly redis: Promise<Redis>
  /** Ends it while it is being made. */
  readonly over: AbortController
  /** Questions on it that are not answered yet. */
  asked: number
  /** When the last one was asked. */
  usedAtMs: number
}

/**
 * One connection for questions, made when the first is asked. A connection that failed or was too late is replaced
 * whole: what a frozen server still has of the old one then says nothing about the new one.
 */
export class RedisQuestions {
  readonly #dial: (withinMs: number, over: AbortSignal) => Promise<Redis>
  readonly #clock: Clock
  /** For the next question. */
  #line: Line | undefined
  /** That line, and those on which something is still to be answered. */
  readonly #lines = new Set<Line>()
  #waiting = 0
  #closed = false

  /** `dial` rejects with an Error that says why there is no connection. */
  constructor(dial: (withinMs: number, over: AbortSignal) => Promise<Redis>, clock: Clock) {
    this.#dial = dial
    this.#clock = clock
  }

  /**
   * Rejects with `StoreUnavailable` when the store fails or does not answer within 2 s, or 64 questions wait already.
   */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreUnavailable('the store is closed')
    if (this.#waiting >= MAX_WAITING) throw new StoreUnavailable(`${MAX_WAITING} questions are waiting for an answer`)
    this.#waiting++
    const nowMs = this.#clock.monotonicMs()
    const last = this.#line
    const line = last && nowMs - last.usedAtMs <= IDLE_MS ? last : this.#connect(last)
    this.#line = line
    line.asked++
    line.usedAtMs = nowMs
    let cancel = () => {}
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#clock.after(DEADLINE_MS, () => {
        reject(new StoreUnavailable(`no answer within ${DEADLINE_MS} ms`))
        this.#drop(line)
      })
    })
    try {
      return await Promise.race([line.redis.then(question), deadline])
    } catch (error) {
      throw error instanceof StoreUnavailable ? error : new StoreUnavailable(inOurWords((error as Error).message))
    } finally {
      cancel()
      this.#waiting--
      line.asked--
      if (line.asked === 0 && line !== this.#line) this.#drop(line)
    }
  }

  /** Whoever asks afterwards is told so: a new connection would have nobody left to close it. */
  close(): void {
    this.#closed = true
    this.hangUp()
  }

  /** The next question goes over a new connection; those of before are answered over the old one. */
  moveOn(): void {
    const line = this.#line
    this.#line = undefined
    if (line?.asked === 0) this.#drop(line)
  }

  /** The next question goes over a new connection; one that is not answered yet fails. */
  hangUp(): void {
    for (const line of this.#lines) this.#drop(line)
  }

  /**
   * Over `idle`, where there is such a line, if no other can be had: it may be whole, and sentinels down. It is then to
   * answer within what is left of the time.
   */
  #connect(idle?: Line): Line {
    const over = new AbortController()
    const dialed = this.#dial(idle ? DEADLINE_MS / 2 : DEADLINE_MS, over.signal).then(
      (redis) => {
        if (idle?.asked === 0) this.#drop(idle)
        return redis
      },
      (error) => {
        if (!idle || !this.#lines.delete(idle)) throw error
        return idle.redis
      },
    )
    const line = { redis: dialed, over, asked: 0, usedAtMs: this.#clock.monotonicMs() }
    this.#lines.add(line)
    line.redis.then(
      (redis) => redis.once('close', () => this.#drop(line)),
      // Whoever asks has the failure; this keeps it from counting as unhandled where nobody asks any more.
      () => this.#drop(line),
    )
    return line
  }

  #drop(line: Line): void {
    if (this.#line === line) this.#line = undefined
    if (!this.#lines.delete(line)) return
    line.over.abort()
    line.redis.then(cut, () => {})
  }
}
