import type { Admission, AdmissionRequest, Asker, Phase } from '../../core/admission.js'
import { UsageError } from '../../core/errors.js'
import { EventBus } from '../../core/events.js'
import type { LeaseStore } from '../../store/lease-store.js'
import type { DrainVerdict } from '../../store/orders.js'
import type { AdmittingNode, NodeBuckets } from '../admitting-node.js'
import { LimiterNode } from '../limiter-node.js'
import type { SetTerms } from '../limits/limit-terms.js'
import type { LimiterNodeOptions } from '../node-options.js'
import { ClosingPace } from '../orders/closing-pace.js'
import { checkWhom, type Evicted, type EvictionRequest } from '../orders/order-giver.js'
import { WaitingRoom } from '../probing/waiting-room.js'
import { answered } from './answered.js'
import { BucketEvents } from './bucket-events.js'
import { WholeNews } from './whole-news.js'

type OfABucket = 'store' | 'startedAt' | 'waitingRoom' | 'closingPace'

export interface BucketedNodeOptions extends Omit<LimiterNodeOptions, OfABucket> {
  readonly buckets: readonly LeaseStore[]
  readonly bucketOf: (org: string) => number
}

const SPANS = 'spans orgs, and none holds over several buckets of a Redis Cluster: see docs/redis.md'

/**
 * One node over several buckets: a lease in each, with a state machine of its own. Where one bucket's store is away or
 * has lost its memory, the orgs of the others do not notice.
 *
 * The first bucket's store must have been heard once before the others are used: a node that was told of another number
 * of buckets than its cluster has learns it there, before it admits anybody.
 */
export class BucketedNode implements AdmittingNode {
  readonly events: EventBus
  readonly orders = {
    evict: (whom: EvictionRequest, reason?: string) => this.#evict(whom, reason),
    drain: (lease: number) => this.#drainOther(lease),
  }
  readonly #options: BucketedNodeOptions
  readonly #nodes: readonly LimiterNode[]
  #phase: Phase = 'starting'

  /** Throws `INVALID_SETTINGS` for limits that span orgs: no bucket knows what the others hold. */
  constructor(options: BucketedNodeOptions) {
    for (const scope of ['address', 'cluster'] as const) {
      // A limit of no end is not counted.
      if ((options.limits?.[scope] ?? Number.POSITIVE_INFINITY) !== Number.POSITIVE_INFINITY) {
        throw new UsageError('INVALID_SETTINGS', `the limit of ${scope} ${SPANS}`)
      }
    }
    const { buckets, clock, timing } = options
    this.#options = options
    this.events = options.events ?? new EventBus()
    const news = new WholeNews({
      events: this.events,
      buckets: buckets.length,
      clock,
      patienceMs: timing.recoveryMs,
      started: () => {
        this.#phase = 'running'
      },
    })
    const startedAt = new Date(clock.wallMs()).toISOString()
    const shared = { waitingRoom: new WaitingRoom(), closingPace: new ClosingPace(), startedAt }
    this.#nodes = buckets.map((store, bucket) => {
      const events = new BucketEvents(bucket, this.events, (event, payload) => news.heard(bucket, event, payload))
      return new LimiterNode({ ...options, ...shared, store, events })
    })
    this.#nodes[0]!.events.on('lease.taken', () => this.#startOthers())
    this.events.on('drain.ordered', () => this.quiet())
    this.events.on('store.left', ({ bucket }) => bucket !== undefined && news.left(bucket))
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Of the bucket that takes longest; nothing is known where one that starts says nothing. */
  get startRetryMs(): number | undefined {
    const waits = this.#nodes.filter(({ phase }) => phase === 'starting').map(({ startRetryMs }) => startRetryMs)
    const latestMs = Math.max(...waits.map((waitMs) => waitMs ?? Number.POSITIVE_INFINITY))
    return Number.isFinite(latestMs) ? latestMs : undefined
  }

  get connections(): number {
    return this.#nodes.reduce((sum, { connections }) => sum + connections, 0)
  }

  get waiting(): { readonly admissions: number; readonly releases: number } {
    const all = this.#nodes.map(({ waiting }) => waiting)
    return {
      admissions: all.reduce((sum, { admissions }) => sum + admissions, 0),
      releases: all.reduce((sum, { releases }) => sum + releases, 0),
    }
  }

  /** Of all buckets. */
  get storeReachable(): boolean {
    return this.#nodes.every(({ storeReachable }) => storeReachable)
  }

  get buckets(): NodeBuckets {
    const away = this.#nodes.flatMap(({ storeReachable }, bucket) => (storeReachable ? [] : [bucket]))
    const recoveryMs = Math.max(...this.#nodes.map(({ buckets }) => buckets.recoveryMs))
    return { count: this.#nodes.length, away, recoveryMs }
  }

  recovers(org: string): boolean {
    return this.#of(org).recovers()
  }

  start(): void {
    this.#nodes[0]!.start()
  }

  async admit(request: AdmissionRequest, signal?: Asker): Promise<Admission> {
    if (request.scopes?.length) throw new UsageError('INVALID_SCOPES', `a limit of your own ${SPANS}`)
    return this.#of(request.org).admit(request, signal)
  }

  setLimit(org: string, limit: number | undefined, terms?: SetTerms): Promise<void> {
    return this.#of(org).setLimit(org, limit, terms)
  }

  quiet(): void {
    if (this.#phase !== 'starting' && this.#phase !== 'running') return
    this.#phase = 'quiet'
    for (const node of this.#nodes) node.quiet()
  }

  async drain({ withinMs }: { withinMs: number }): Promise<void> {
    if (this.#phase === 'stopped') return
    this.quiet()
    this.#phase = 'draining'
    await Promise.all(this.#nodes.map((node) => node.drain({ withinMs })))
    this.#phase = 'stopped'
  }

  #startOthers(): void {
    if (this.#phase === 'starting') for (const node of this.#nodes) node.start()
  }

  #of(org: string): LimiterNode {
    return this.#nodes[this.#options.bucketOf(String(org))]!
  }

  #evict(whom: EvictionRequest, reason: string | undefined): Promise<Evicted> {
    checkWhom(whom)
    if (!('connectionId' in whom)) return this.#of(whom.orgId).orders.evict(whom, reason)
    const asked = this.#nodes.map((node) => node.orders.evict(whom, reason))
    return whoeverHas(asked, ({ ordered, leaving }) => ordered + leaving > 0)
  }

  #drainOther(lease: number): Promise<DrainVerdict> {
    const asked = this.#nodes.map((node) => node.orders.drain(lease))
    return whoeverHas(asked, (verdict) => verdict !== 'gone')
  }
}

/** An id does not say in which bucket it is, so all are asked. One that is away only matters if no other has it. */
async function whoeverHas<T>(asked: readonly Promise<T>[], has: (answer: T) => boolean): Promise<T> {
  const { given, failed } = await answered(asked)
  const found = given.find(has)
  if (found !== undefined) return found
  if (failed) throw failed
  return given[0]!
}
