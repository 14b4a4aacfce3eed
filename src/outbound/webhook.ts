import { randomBytes } from 'node:crypto'
import { type Clock, sleep, within } from '../core/clock.js'
import { FairQueue } from '../core/structures/fair-queue.js'
import type { Log } from '../observe/log.js'
import type { WebhookFigures } from '../observe/metrics/server-metrics.js'
import type { HttpCaller } from './http-caller.js'
import { signatureHeaders } from './webhook-signature.js'

export interface WebhookOptions {
  readonly caller: HttpCaller
  readonly clock: Clock
  readonly log: Log
  readonly node: string
  readonly secrets: readonly Buffer[]
  /** Events that may wait; one more drops the oldest of the org that has most. */
  readonly maxWaiting: number
  /** In [0, 1); spreads the retries. */
  readonly random: () => number
}

type WebhookData = { readonly org?: string | undefined; readonly [field: string]: unknown }

interface WebhookEvent {
  readonly id: string
  readonly type: string
  readonly timestamp: string
  readonly data: WebhookData
  /** So many happened alike; the data are those of the first. */
  count: number
  readonly like: string | undefined
}

const WORKERS = 4
const MOST_IN_A_BATCH = 100
/** Events that come together travel together. */
const LINGER_MS = 100
const FIRST_BACKOFF_MS = 500
const LONGEST_BACKOFF_MS = 30_000
const GIVE_UP_AFTER_MS = 300_000
const TELL_DROPS_MS = 10_000

/**
 * Tells one receiver what happens here, in signed batches, each at least once unless it is counted as dropped. Whoever
 * adds an event never waits: what the receiver cannot take in waits in a queue with a bound, of which no org pushes out
 * the events of others that have fewer, and the next batch says how many were dropped.
 *
 * A batch is under way with each of a few workers: sent, and sent again with backoff until the receiver answers 2xx, or
 * for 5 min; one that is too large for it goes in halves. While it waits to be sent again, what came after it goes to the
 * other workers. `stop` delivers what waits, within its time, and cancels the rest; what happens meanwhile is counted as
 * dropped.
 */
export class Webhook {
  readonly #options: WebhookOptions
  readonly #queue: FairQueue<WebhookEvent>
  /** Those in the queue into which a like one is counted. */
  readonly #alike = new Map<string, WebhookEvent>()
  readonly #workers = new Set<Promise<void>>()
  /** Those that wait to send their batch again. */
  #resting = 0
  readonly #stopping = new AbortController()
  readonly #over = new AbortController()
  readonly #name = randomBytes(6).toString('base64url')
  #made = 0
  #failing = false
  /** Dropped and not yet told: to the receiver, to the log. */
  #untold = 0
  #unlogged = 0
  readonly #total = { delivered: 0, dropped: 0, failures: 0 }
  #cancelLinger: (() => void) | undefined
  #cancelTell: (() => void) | undefined

  constructor(options: WebhookOptions) {
    this.#options = options
    this.#queue = new FairQueue(options.maxWaiting)
  }

  get figures(): WebhookFigures {
    return { waiting: this.#queue.size, inFlight: this.#workers.size, ...this.#total }
  }

  /** Events with the same `like` become one with a count, as long as the first of them still waits. */
  add(type: string, data: WebhookData, like?: string): void {
    const known = like === undefined ? undefined : this.#alike.get(like)
    if (known !== undefined) {
      known.count++
      return
    }
    const timestamp = new Date(this.#options.clock.wallMs()).toISOString()
    const event = { id: this.#newId('evt'), type, timestamp, data, count: 1, like }
    // Who is turned away during a stop, say.
    if (this.#stopping.signal.aborted) {
      this.#drop([event])
      return
    }
    if (like !== undefined) this.#alike.set(like, event)
    const dropped = this.#queue.push(event, data.org)
    if (dropped !== undefined) this.#drop([dropped])
    this.#cancelLinger ??= this.#options.clock.after(LINGER_MS, () => {
      this.#cancelLinger = undefined
      this.#work()
    })
  }

  /**
   * Delivers what waits, at most `withinMs` long, and tries at once what waits to be sent again: the receiver may be
   * well by now. What is left then is dropped, and calls under way are cancelled.
   */
  async stop({ withinMs }: { readonly withinMs: number }): Promise<void> {
    this.#stopping.abort()
    this.#cancelLinger?.()
    this.#work()
    await within(this.#options.clock, withinMs, this.#allDone())
    this.#over.abort()
    this.#options.caller.close()
    await this.#allDone()
    this.#drop(this.#queue.take(this.#queue.size))
    this.#cancelTell?.()
    this.#tellDrops()
  }

  /** A worker that rests may have let another begin. */
  async #allDone(): Promise<void> {
    while (this.#workers.size > 0) await Promise.all(this.#workers)
  }

  /** Lets as many workers send as there are batches; each goes on until nothing waits. */
  #work(): void {
    const wanted = Math.ceil(this.#queue.size / MOST_IN_A_BATCH)
    while (this.#workers.size < WORKERS && this.#workers.size - this.#resting < wanted) {
      const worker = this.#deliverAll().finally(() => this.#workers.delete(worker))
      this.#workers.add(worker)
    }
  }

  async #deliverAll(): Promise<void> {
    while (this.#queue.size > 0 && !this.#over.signal.aborted) {
      const batch = this.#queue.take(MOST_IN_A_BATCH)
      for (const { like } of batch) if (like !== undefined) this.#alike.delete(like)
      await this.#deliver(batch)
    }
  }

  async #deliver(batch: readonly WebhookEvent[]): Promise<void> {
    const { clock, node } = this.#options
    const id = this.#newId('msg')
    const dropped = this.#untold
    const events = batch.map(({ like: _, count, ...event }) => ({ ...event, ...(count > 1 && { count }) }))
    const timestamp = new Date(clock.wallMs()).toISOString()
    const body = JSON.stringify({ type: 'headcount.events', timestamp, data: { node, dropped, events } })
    this.#untold = 0
    const startMs = clock.monotonicMs()
    for (let backoffMs = FIRST_BACKOFF_MS; ; ) {
      const outcome = await this.#send(id, body, batch.length > 1)
      if (outcome === 'taken') {
        this.#total.delivered += countOf(batch)
        return
      }
      this.#total.failures++
      if (outcome === 'too large') {
        this.#untold += dropped
        return this.#deliverHalves(batch)
      }
      const isTooLate = clock.monotonicMs() - startMs + backoffMs > GIVE_UP_AFTER_MS
      if (!isTooLate) backoffMs = await this.#rest(backoffMs)
      if (isTooLate || this.#over.signal.aborted) break
    }
    this.#untold += dropped
    this.#drop(batch)
  }

  async #deliverHalves(batch: readonly WebhookEvent[]): Promise<void> {
    const half = Math.ceil(batch.length / 2)
    await this.#deliver(batch.slice(0, half))
    await this.#deliver(batch.slice(half))
  }

  /** Before a batch is sent again; a stop ends it, and it begins anew with short ones. Has how long the next is. */
  async #rest(backoffMs: number): Promise<number> {
    const { clock, random } = this.#options
    const wasStopping = this.#stopping.signal.aborted
    this.#resting++
    this.#work()
    const end = wasStopping ? this.#over.signal : this.#stopping.signal
    await sleep(clock, backoffMs * (0.5 + random() / 2), end)
    this.#resting--
    const isWoken = !wasStopping && this.#stopping.signal.aborted
    return isWoken ? FIRST_BACKOFF_MS : Math.min(LONGEST_BACKOFF_MS, backoffMs * 2)
  }

  async #send(id: string, body: string, isDivisible: boolean): Promise<'taken' | 'too large' | 'not taken'> {
    const { caller, clock, log, secrets } = this.#options
    const signature = signatureHeaders(secrets, id, clock.wallMs(), body)
    const headers = { 'content-type': 'application/json', ...signature }
    const answer = await caller.call({ method: 'POST', headers, body, statusOnly: true }, this.#over.signal)
    if (isDivisible && answer.answered && answer.status === 413) return 'too large'
    const isTaken = answer.answered && answer.status >= 200 && answer.status < 300
    const cause = answer.answered ? `status ${answer.status}` : answer.cause
    if (isTaken && this.#failing) log.info({}, 'the webhook takes events again')
    if (!isTaken && !this.#failing) log.warn({ cause }, 'the webhook does not take events; they are sent again')
    this.#failing = !isTaken
    return isTaken ? 'taken' : 'not taken'
  }

  #drop(events: readonly WebhookEvent[]): void {
    const count = countOf(events)
    for (const { like } of events) if (like !== undefined) this.#alike.delete(like)
    this.#untold += count
    this.#unlogged += count
    this.#total.dropped += count
    // A stop tells of them at its end.
    if (count > 0 && !this.#stopping.signal.aborted)
      this.#cancelTell ??= this.#options.clock.after(TELL_DROPS_MS, () => this.#tellDrops())
  }

  #tellDrops(): void {
    this.#cancelTell = undefined
    if (this.#unlogged > 0) this.#options.log.warn({ events: this.#unlogged }, 'events for the webhook were dropped')
    this.#unlogged = 0
  }

  /** Unique over all nodes and their lives. */
  #newId(kind: 'evt' | 'msg'): string {
    return `${kind}_${this.#name}-${(this.#made++).toString(36)}`
  }
}

function countOf(events: readonly WebhookEvent[]): number {
  return events.reduce((sum, { count }) => sum + count, 0)
}
