import { type Clock, sleep } from '../../core/clock.js'
import type { ClusterStats, OrgStats } from '../../limiter/cluster-stats.js'
import type { Limiter } from '../../limiter/limiter.js'
import type { NodeStats } from '../../limiter/node-stats.js'
import type { Journal, JournalEntry, JournalTotals } from '../../store/journal.js'
import { StoreUnavailable } from '../../store/lease-store.js'
import { type BucketsAway, MissingBuckets } from '../../store/missing-buckets.js'
import { type RefusalNote, readNote } from '../refusals/refusal-note.js'
import { type Orgs, OrgWalk } from './org-walk.js'
import { StoreNews } from './store-news.js'
import { Viewer } from './viewer.js'

const PAUSE_MS = 1_000
const MOST_VIEWERS = 100
const MOST_REFUSALS = 50
/** Nodes hand on what they counted once a second, so less than some seconds would jump up and down. */
const RATE_SAMPLES = 5

type ShownNode = Omit<NodeStats, 'settings'>

export interface Snapshot extends BucketsAway {
  readonly name: 'snapshot'
  readonly atMs: number
  readonly totals: {
    readonly connections: number
    readonly orgs: number
    readonly nodes: number
    /** Means of the last 5 s; 0 until there are two samples, and while the bucket that keeps the counts is away. */
    readonly admittedPerSecond: number
    readonly refusedPerSecond: number
  }
  readonly store: {
    /** Of the lease of this node. */
    readonly epoch: string | undefined
    /** How long admissions wait at least, because the store lost its memory; 0 where they do not. */
    readonly recoveryMs: number
    /** How long this question took. */
    readonly answeredInMs: number
  }
  readonly orgs: readonly OrgStats[]
  /** Without their settings, which would be more than all the rest, every second, and never change. */
  readonly nodes: readonly ShownNode[]
  /** New since the snapshot before, the newest first; none while the bucket that keeps them is away. */
  readonly refusals: readonly RefusalNote[]
}

/** The store did not answer, or nothing that can be read: what was shown last is old. */
export interface Unavailable {
  readonly name: 'unavailable'
  readonly atMs: number
  readonly cause: string
}

export type ViewEvent = Snapshot | Unavailable

/**
 * The whole cluster once a second, for all who watch it on this node: the store is asked once for however many there
 * are, and not at all while there is nobody.
 */
export class ClusterView {
  readonly #stats: ClusterStats
  readonly #journal: Journal
  readonly #limiter: Pick<Limiter, 'buckets'>
  readonly #news: StoreNews
  readonly #clock: Clock
  readonly #viewers = new Set<Viewer<ViewEvent>>()
  readonly #over = new AbortController()
  #running = false

  constructor(limiter: Pick<Limiter, 'stats' | 'journal' | 'on' | 'buckets'>, clock: Clock) {
    this.#limiter = limiter
    this.#stats = limiter.stats
    this.#journal = limiter.journal
    this.#news = new StoreNews(limiter)
    this.#clock = clock
  }

  get viewers(): number {
    return this.#viewers.size
  }

  /** How long admissions wait at least, because the store lost its memory: as this node knows, watched or not. */
  get recoveryMs(): number {
    return this.#limiter.buckets.recoveryMs
  }

  /** `undefined` where 100 watch already, or it is over. Whoever leaves says so by `leave`. */
  watch(): Viewer<ViewEvent> | undefined {
    if (this.#over.signal.aborted || this.#viewers.size >= MOST_VIEWERS) return undefined
    const viewer = new Viewer<ViewEvent>()
    this.#viewers.add(viewer)
    if (!this.#running) void this.#run()
    return viewer
  }

  leave(viewer: Viewer<ViewEvent>): void {
    viewer.end()
    this.#viewers.delete(viewer)
  }

  /** Ends for all who watch. */
  stop(): void {
    this.#over.abort()
    this.#news.stop()
    for (const viewer of this.#viewers) this.leave(viewer)
  }

  async #run(): Promise<void> {
    this.#running = true
    const walk = new OrgWalk(this.#stats)
    const samples: (JournalTotals & { readonly atMs: number })[] = []
    let seen: string | undefined
    while (this.#viewers.size > 0) {
      const startMs = this.#clock.monotonicMs()
      const partly = new MissingBuckets()
      try {
        const questions = [this.#cluster(walk, partly), this.#noted(seen)] as const
        // All are over before the next turn, also where one has failed: two steps of one walk must not overlap.
        await Promise.allSettled(questions)
        const { orgs, nodes, answeredInMs } = await questions[0]
        // Notes are in one bucket, and the orgs of all others are worth showing without them.
        const noted = await questions[1].catch((error) => {
          if (partly.size === 0 || !(error instanceof StoreUnavailable)) throw error
        })
        if (noted) samples.push({ ...noted.totals, atMs: this.#clock.monotonicMs() })
        samples.splice(0, noted ? samples.length - RATE_SAMPLES - 1 : samples.length)
        const entries = noted?.entries ?? []
        // What was there before anybody watched is not new.
        const refusals = seen === undefined ? [] : entries.flatMap(({ text }) => readNote(text) ?? [])
        seen = noted ? (entries[0]?.id ?? seen ?? '0-0') : seen
        const connections = nodes.reduce((sum, node) => sum + node.connections, 0)
        const counts = { connections, orgs: orgs.count, nodes: nodes.length, ...ratesOf(samples) }
        const store = { epoch: this.#news.epoch, recoveryMs: this.recoveryMs, answeredInMs }
        const atMs = this.#clock.wallMs()
        const seenNow = { totals: counts, store, orgs: orgs.fullest, nodes, refusals, ...partly.told }
        this.#show({ name: 'snapshot', atMs, ...seenNow })
      } catch (error) {
        // Also an answer that cannot be read: who watches must learn that nothing new comes, whatever the reason.
        this.#show({ name: 'unavailable', atMs: this.#clock.wallMs(), cause: (error as Error).message })
      }
      const spentMs = this.#clock.monotonicMs() - startMs
      await sleep(this.#clock, Math.max(PAUSE_MS / 10, PAUSE_MS - spentMs), this.#over.signal)
    }
    this.#running = false
  }

  /** One after the other, so that buckets that are away are waited for once. */
  async #cluster(
    walk: OrgWalk,
    partly: MissingBuckets,
  ): Promise<{ orgs: Orgs; nodes: ShownNode[]; answeredInMs: number }> {
    const askedMs = this.#clock.monotonicMs()
    const told = await this.#stats.nodes({ partly })
    const nodes = told.map(({ settings, ...node }) => node)
    const answeredInMs = Math.round(100 * (this.#clock.monotonicMs() - askedMs)) / 100
    return { nodes, answeredInMs, orgs: await walk.step({ partly }) }
  }

  async #noted(after: string | undefined): Promise<{ entries: JournalEntry[]; totals: JournalTotals }> {
    const limit = after === undefined ? 1 : MOST_REFUSALS
    const [entries, totals] = await Promise.all([this.#journal.read({ after, limit }), this.#journal.totals()])
    return { entries, totals }
  }

  #show(event: ViewEvent): void {
    for (const viewer of this.#viewers) viewer.show(event)
  }
}

/** Counts begin anew with a new store, and then a rate is 0 and not negative. */
function ratesOf(samples: readonly (JournalTotals & { readonly atMs: number })[]) {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last) return { admittedPerSecond: 0, refusedPerSecond: 0 }
  const seconds = (last.atMs - first.atMs) / 1_000
  const rate = (count: number) => (seconds > 0 ? Math.max(0, Math.round((10 * count) / seconds) / 10) : 0)
  return {
    admittedPerSecond: rate(last.admitted - first.admitted),
    refusedPerSecond: rate(last.refused - first.refused),
  }
}
