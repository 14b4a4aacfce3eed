import type { Clock } from '../../core/clock.js'
import { FairQueue } from '../../core/structures/fair-queue.js'
import type { GateObserver } from '../../gate/gate-observer.js'
import type { Limiter } from '../../limiter/limiter.js'
import { StoreUnavailable } from '../../store/lease-store.js'
import { HolderLooks } from './holder-looks.js'
import { RefusalCourier } from './refusal-courier.js'
import { type AboutWhat, isAbout, noteOf, type RefusalNote, readNote } from './refusal-note.js'

/** So many refusals and closings of its own a node remembers. */
const MOST_REMEMBERED = 1_000
const LATELY_MS = 60_000
/** Entries of the journal that one look reads. */
const LOOK_ENTRIES = 250

export interface RefusalQuery extends AboutWhat {
  readonly limit: number
  /** Where an earlier page ended. */
  readonly cursor?: string | undefined
}

export interface RefusalPage {
  /** The newest first. */
  readonly refusals: readonly RefusalNote[]
  readonly nextCursor: string | null
  /** `node` while the store does not answer or takes nothing: then this node tells what it knows itself. */
  readonly of: 'cluster' | 'node'
}

/**
 * The last refusals and closings, so that it can be answered why a gateway was refused. Each node remembers its own and
 * hands the newest on, so that any node answers for the cluster, a second or two later. Where there are too many, it
 * forgets the oldest of the org that has most, and all without an org count as one: no others are lost for those.
 * Connections closed by a drain are not noted: they would push out everything else at each deployment.
 */
export class Refusals {
  readonly observer: GateObserver
  readonly #ring = new FairQueue<RefusalNote>(MOST_REMEMBERED)
  readonly #looks: HolderLooks
  readonly #limiter: Pick<Limiter, 'journal'>
  readonly #courier: RefusalCourier
  readonly #clock: Clock
  readonly #unlisten: () => void

  constructor(limiter: Pick<Limiter, 'journal' | 'stats' | 'on'>, nodeName: string, clock: Clock) {
    this.#limiter = limiter
    this.#clock = clock
    this.#looks = new HolderLooks(limiter.stats, clock)
    this.#courier = new RefusalCourier(limiter.journal, clock)
    this.#unlisten = limiter.on('admission.granted', () => this.#courier.admitted())
    const about = (org?: string, gateway?: string, address?: string) => ({
      at: new Date(clock.wallMs()).toISOString(),
      node: nodeName,
      orgId: org,
      gatewayId: gateway,
      address,
    })
    this.observer = {
      upgradeRefused: ({ refusal, requestId, retryAfterSeconds, org, gateway, address }) => {
        const { code, detail, currentCount, maxAllowed, scope, reserved } = refusal
        const counts = { currentCount, maxAllowed, scope, reserved, retryAfterSeconds }
        this.#add({ ...about(org, gateway, address), kind: 'refused', code, detail, requestId, ...counts })
      },
      connectionClosed: ({ closing, connectionId, org, gateway, address }) => {
        if (closing === undefined || closing === 'DRAINING') return
        this.#add({ ...about(org, gateway, address), kind: 'closed', code: closing, connectionId })
      },
    }
  }

  /** Notes of this node that the cluster will not hear of, because there were too many at once. */
  get dropped(): number {
    return this.#courier.dropped
  }

  /** How many newcomers this node has refused within the last minute, by code: of very many at least so many. */
  get lately(): Readonly<Record<string, number>> {
    const sinceMs = this.#clock.wallMs() - LATELY_MS
    const counts: Record<string, number> = {}
    for (const { kind, code, at } of this.#ring.list()) {
      if (Date.parse(at) < sinceMs) break
      if (kind === 'refused') counts[code] = (counts[code] ?? 0) + 1
    }
    return counts
  }

  /**
   * A note that this node has itself is found although the cluster has not heard of it; where the store does not answer,
   * none but these are.
   */
  async find(query: RefusalQuery): Promise<RefusalPage> {
    const own = this.#ring.list().filter((note) => isAbout(note, query))
    if (query.requestId !== undefined && own.length > 0) return { refusals: own, nextCursor: null, of: 'cluster' }
    const ofNode = () => ({ refusals: own.slice(0, query.limit), nextCursor: null, of: 'node' }) as const
    // A full Redis, or a replica, is read from without end, and has nothing of what is refused because of it.
    if (this.#courier.stuck && query.cursor === undefined) return ofNode()
    try {
      return await this.#ofCluster(query)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      return ofNode()
    }
  }

  /** Hands on what is left, if the store still answers. */
  async stop(): Promise<void> {
    this.#unlisten()
    await this.#courier.stop()
  }

  async #ofCluster({ cursor, ...query }: RefusalQuery): Promise<RefusalPage> {
    const refusals: RefusalNote[] = []
    let before = cursor
    for (;;) {
      const entries = await this.#limiter.journal.read({ before, limit: LOOK_ENTRIES })
      for (const { id, text } of entries) {
        if (refusals.length >= query.limit && id !== before)
          return { refusals, nextCursor: before ?? null, of: 'cluster' }
        before = id
        const note = readNote(text)
        if (note && isAbout(note, query)) refusals.push(note)
      }
      if (entries.length < LOOK_ENTRIES) return { refusals, nextCursor: null, of: 'cluster' }
    }
  }

  #add(note: RefusalNote): void {
    this.#ring.push(note, note.orgId)
    this.#courier.add(note)
    if (note.code !== 'ORG_CONNECTION_LIMIT_EXCEEDED' || note.orgId === undefined) return
    // Filled in when it is known: who asks for the note, or hands it on, does so later.
    void this.#looks.of(note.orgId).then((holders) => {
      if (holders) note.holders = holders.map(noteOf)
    })
  }
}
