import type { Clock } from '../../core/clock.js'
import type { EventBus } from '../../core/events.js'
import { checkLimit } from '../../core/limits.js'
import { checkOrg } from '../../core/org-id.js'
import { fieldsOf } from '../../core/parse-json.js'
import { MAX_ITEMS, type RenewReply } from '../../store/lease-store.js'
import type { OverrideRecord } from '../../store/override-records.js'
import { confirmed } from '../lease/confirmed.js'
import type { Session } from '../lease/session.js'
import { keptTerms, type SetTerms, storedTerms } from './limit-terms.js'
import type { SurplusTerms } from './on-lowered.js'

/** A record, and when it was learned: what it has left to live counts from there. */
interface Known {
  readonly record: OverrideRecord
  readonly learnedAtMs: number
}

/** More is not remembered, so that a node's memory has a bound: what is beyond it is lost with the store's memory. */
const MOST_KNOWN = 10_000

/**
 * What operators have set for orgs, as this node remembers it: kept current by the version that each renewal returns,
 * and written back when the store has lost its memory (R1). Admissions never ask here: they are decided by what is in
 * the store.
 *
 * The memory belongs to one life of the store. While a session is in the same life, the node asks for what changed. A
 * session in another life is told first what the node remembers, clears too, and then asked for everything: the
 * store's word counts from there.
 *
 * While the store recovers, others write back too, and what they write keeps its version, which may be below what this
 * node has asked for already. So with the first renewal that says that the recovery is over everything is asked for once
 * more: from there on versions only grow.
 */
export class Overrides {
  readonly #clock: Clock
  readonly #events: EventBus
  readonly #mostKnown: number
  readonly #known = new Map<string, Known>()
  /** The life of the store that this memory is of. */
  #epoch: string | undefined
  /** Whether a renewal in that life has said that the store does not recover, or no longer. */
  #recovered = false
  #cursor = 0
  /** The version that the last complete walk reached. Only what is newer is told of; during the first walk nothing is. */
  #lookedAt = Number.POSITIVE_INFINITY
  /** The records that a walk from the beginning has met; at its end all others are forgotten. */
  #met: Set<string> | undefined = new Set()
  /** What was known when that walk began. */
  #unmet: string[] = []
  #learning = false
  #full = false

  constructor(parts: { clock: Clock; events: EventBus; mostKnown?: number }) {
    this.#clock = parts.clock
    this.#events = parts.events
    this.#mostKnown = parts.mostKnown ?? MOST_KNOWN
  }

  /** How many records this node remembers, clears included. */
  get size(): number {
    return this.#known.size
  }

  /** The limit that operators have set for an org, as far as this node has heard: for when the store is away. */
  limitOf(org: string): number | undefined {
    return this.#inForce(org)?.limit
  }

  /** What they want to become of a surplus of the org, as far as this node has heard and they have said. */
  onLoweredOf(org: string): SurplusTerms['onLowered'] {
    return keptTerms(this.#inForce(org)?.details ?? '').onLowered
  }

  #inForce(org: string): OverrideRecord | undefined {
    const current = (kind: OverrideRecord['kind']) => {
      const known = this.#known.get(`${kind}:${org}`)
      const record = known && this.#asOfNow(known)
      return record?.limit === undefined || record.expiresInMs === 0 ? undefined : record
    }
    return current('override') ?? current('tier')
  }

  /**
   * Sets or clears (`undefined`) what operators have decided for an org. Rejects with `StoreUnavailable` when the store
   * did not confirm it: then it may or may not be in force, and saying it again is harmless.
   */
  async set(session: Session | undefined, org: string, limit: number | undefined, terms: SetTerms): Promise<void> {
    checkOrg(org)
    if (limit !== undefined) checkLimit(limit)
    const how = storedTerms(terms, this.#clock)
    await confirmed(session, (connection, fence) => connection.override(fence, org, limit, how))
    const { kind = 'override', details = '' } = how
    this.#events.emit('limit.set', { org, kind, limit, ...keptTerms(details) })
    // Who was asked remembers at once; the others hear of it with their next renewal.
    if (session?.fence.epoch === this.#epoch) this.#ask(session!)
  }

  /** Told at every renewal. What is left to learn when a session ends is learned by the next. */
  heard(session: Session, { overrideVersion, recoveryMs }: Pick<RenewReply, 'overrideVersion' | 'recoveryMs'>): void {
    if (session.fence.epoch !== this.#epoch) return
    if (recoveryMs === 0 && !this.#recovered) {
      this.#recovered = true
      this.#beginAnew()
    }
    if (this.#met || overrideVersion > this.#cursor) this.#ask(session)
  }

  /**
   * Writes back what this node remembers, if the session is in another life of the store than this memory. False if
   * the session ended over it: the next one begins anew, which is harmless.
   */
  async restore(session: Session, betweenChunks: () => Promise<void>): Promise<boolean> {
    const { epoch } = session.fence
    if (epoch === this.#epoch) return true
    // In the order of versions, so that who learns of them meanwhile has passed few of those that are yet to come.
    const all = [...this.#known.values()].sort((one, other) => one.record.version - other.record.version)
    const counts = { written: 0, known: 0, over: 0 }
    for (let from = 0; from < all.length && counts.over === 0; from += MAX_ITEMS) {
      const records = all.slice(from, from + MAX_ITEMS).map((known) => this.#asOfNow(known))
      const reply = await session.call((connection, fence) => connection.restore(fence, records))
      if (reply.status !== 'ok') return false
      for (const word of reply.value) counts[word]++
      await betweenChunks()
    }
    if (all.length > 0) this.#events.emit('overrides.restored', counts)
    this.#epoch = epoch
    this.#recovered = false
    this.#lookedAt = Number.POSITIVE_INFINITY
    this.#beginAnew()
    return true
  }

  #ask(session: Session): void {
    if (!this.#learning) void this.#learn(session)
  }

  async #learn(session: Session): Promise<void> {
    this.#learning = true
    try {
      let more = true
      while (more) {
        const [walk, after] = [this.#met, this.#cursor]
        const reply = await session.call((connection, fence) => connection.learn(fence, after))
        if (reply.status !== 'ok') break
        // A walk that has begun meanwhile asks for this again.
        if (walk !== this.#met) continue
        const { records, unreadable, next, floor } = reply.value
        if (after < floor && !this.#met) {
          this.#beginAnew()
          continue
        }
        for (const { kind, org } of unreadable) this.#met?.add(`${kind}:${org}`)
        for (const record of records) this.#take(record)
        this.#cursor = next
        more = reply.value.more
        if (!more) this.#endOfWalk(floor)
      }
    } finally {
      this.#learning = false
    }
  }

  #take(record: OverrideRecord): void {
    const key = `${record.kind}:${record.org}`
    const before = this.#known.get(key)
    this.#met?.add(key)
    if (!before && this.#known.size >= this.#mostKnown && !this.#makeRoom()) {
      if (!this.#full) this.#events.emit('overrides.overflowed', { remembered: this.#mostKnown })
      this.#full = true
      return
    }
    this.#known.set(key, { record, learnedAtMs: this.#clock.monotonicMs() })
    if (record.version <= this.#lookedAt || before?.record.version === record.version) return
    const { org, kind, limit } = record
    // A clear that somebody made has no end in its details: this one came by itself.
    const isEnd = limit === undefined && fieldsOf(record.details).expiresAt !== undefined
    if (isEnd) this.#events.emit('limit.ended', { org, kind })
    this.#events.emit('limit.learned', { org, kind, ...(limit !== undefined && { limit }) })
  }

  /** Forgets what the store has forgotten: clears below the floor, and whatever a walk over everything did not meet. */
  #endOfWalk(floor: number): void {
    for (const [key, { record }] of this.#known) {
      const oldClear = record.limit === undefined && record.version <= floor
      if (oldClear || (this.#met && !this.#met.has(key))) this.#known.delete(key)
    }
    this.#met = undefined
    this.#unmet = []
    this.#lookedAt = this.#cursor
    if (this.#known.size < this.#mostKnown) this.#full = false
  }

  /**
   * What a walk has not met may be gone from the store, and gives way to what it meets; it is taken again if it is met.
   */
  #makeRoom(): boolean {
    for (let key = this.#unmet.pop(); key !== undefined; key = this.#unmet.pop()) {
      if (!this.#met?.has(key) && this.#known.delete(key)) return true
    }
    return false
  }

  #beginAnew(): void {
    this.#cursor = 0
    this.#met = new Set()
    this.#unmet = [...this.#known.keys()]
  }

  #asOfNow({ record, learnedAtMs }: Known): OverrideRecord {
    if (record.expiresInMs === undefined) return record
    const leftMs = record.expiresInMs - (this.#clock.monotonicMs() - learnedAtMs)
    return { ...record, expiresInMs: Math.max(0, Math.ceil(leftMs)) }
  }
}
