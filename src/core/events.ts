import { EventEmitter } from 'node:events'
import type { ClosingCode, RefusalCode } from './closures.js'

/** Where a node is in several buckets, a lease in each: which of them is meant. */
interface OfBucket {
  bucket?: number
}

/** What a node tells the outside, in the past tense. Counts and ids only: no keys, no credentials. */
export interface NodeEvents {
  'admission.granted': {
    connectionId: string
    org: string
    currentCount: number
    maxAllowed: number
    /** Kept of the org's limit, beyond `maxAllowed`, for requests that have priority. */
    reserved?: number
  }
  'admission.denied': {
    org: string
    code: RefusalCode
    currentCount?: number
    maxAllowed?: number
    reserved?: number
    /** Whose counts these are, where not the org's. */
    scope?: string
    cause?: string
  }
  /** Whoever asked left before the decision; what was taken for it is given back. */
  'admission.abandoned': { org: string }
  /** Every decision, whoever asked, how long it took, and whether it was asked in the place of an earlier connection. */
  'admission.decided': { code: RefusalCode | 'ADMITTED'; tookMs: number; takesOver: boolean }
  /** At a gate: refused for whatever reason, opened, and its raw socket closed (by us, where `closing` says why). */
  'upgrade.refused': { org: string | undefined; code: RefusalCode }
  'connection.opened': { org: string | undefined; connectionId: string }
  'connection.closed': { org: string | undefined; connectionId: string; closing: ClosingCode | undefined }
  /** An org holds its share of the limit (80 % by default) or more; told once, until it held less. */
  'org.nearly_full': { org: string; currentCount: number; maxAllowed: number }
  /** The same at its limit. */
  'org.full': { org: string; currentCount: number; maxAllowed: number }
  /** A newer connection of its client has got the slot of the one named `replaced`, wherever that is. */
  'connection.taken_over': { connectionId: string; org: string; replaced: string }
  /** A limit was full: so many silent peers of this node were asked whether they are still there, and so many were not. */
  'peers.probed': { scope: string; id: string; asked: number; freed: number }
  'connection.released': { connectionId: string; org: string }
  'lease.taken': OfBucket & { lease: number; epoch: string; recoveryMs: number }
  /** `deadLeases` are not swept yet; of many only 16 are told. */
  'lease.renewed': { liveNodes: number; deadLeases: number; recoveryMs: number }
  'lease.lost': OfBucket & { lease: number; reason: 'lost' | 'fenced' }
  /** A change that an operator made by any node, or whose time is over; without a limit it is taken back or has ended. */
  'limit.learned': { org: string; kind: 'override' | 'tier'; limit?: number }
  'limit.ended': { org: string; kind: 'override' | 'tier' }
  /** An operator's change that the store has confirmed, through this node; `undefined` takes it back. */
  'limit.set': { org: string; kind: 'override' | 'tier'; limit: number | undefined; [term: string]: unknown }
  /** A request named a tier that is none, and was given the limit of another. */
  'tier.unknown': { org: string; tier: string; fallback: string }
  'overrides.restored': { written: number; known: number; over: number }
  'overrides.overflowed': { remembered: number }
  'lease.swept': OfBucket & { lease: number; connections: number }
  'connections.reasserted': OfBucket & { kept: number; closed: number; mode: 'keep' | 'room' }
  'store.called': { verb: string; outcome: string; tookMs: number }
  'store.left': OfBucket & { cause: string }
  'store.joined': OfBucket & { generation: number }
  'store.misconfigured': OfBucket & { evictionPolicy: string }
  'lease.lapsed': OfBucket & { closing: number }
  'debt.taken': { connectionId: string; org: string; policy: 'local' | 'allow' }
  'debt.settled': { connections: number }
  'orders.given': { org: string; kind: 'evict' | 'surplus'; ordered: number; reason?: string }
  /** An operator has told this node, by any other, to stop; it admits nobody from here on. Told once. */
  'drain.ordered': Record<string, never>
  'org.over_limit': { org: string; currentCount: number; maxAllowed: number }
  'order.obeyed': { connectionId: string; org: string; closing: ClosingCode }
  'drift.repaired': { leaked: number; missing: number }
  'node.started': Record<string, never>
  'node.quieted': Record<string, never>
  'node.drained': { left: number }
}

type Listener<E extends keyof NodeEvents> = (event: NodeEvents[E]) => void

/** Typed events. A listener that throws is its owner's bug: it is reported by `uncaught`, and the node goes on. */
export class EventBus {
  readonly #emitter = new EventEmitter().setMaxListeners(0)
  readonly #uncaught: (error: unknown) => void

  constructor(uncaught: (error: unknown) => void = (error) => console.error('headcount: a listener threw', error)) {
    this.#uncaught = uncaught
  }

  on<E extends keyof NodeEvents>(event: E, listener: Listener<E>): () => void {
    const safe = (payload: NodeEvents[E]) => {
      try {
        listener(payload)
      } catch (error) {
        this.#uncaught(error)
      }
    }
    this.#emitter.on(event, safe)
    return () => this.#emitter.off(event, safe)
  }

  emit<E extends keyof NodeEvents>(event: E, payload: NodeEvents[E]): void {
    this.#emitter.emit(event, payload)
  }
}
