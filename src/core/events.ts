import { EventEmitter } from 'node:events'
import type { ClosingCode, RefusalCode } from './closures.js'
import { UsageError } from './errors.js'
import { nearest } from './nearest.js'
import { shown } from './shown.js'
import { tell } from './tell.js'

/** Where a node is in several buckets, a lease in each: which of them is meant. */
interface OfBucket {
  readonly bucket?: number
}

/** What an org holds over the whole cluster and what it may, in slots. */
interface OfOrg {
  readonly org: string
  readonly currentCount: number
  readonly maxAllowed: number
}

/** What a node tells the outside, in the past tense. Counts and ids only: no keys, no credentials. */
export interface NodeEvents {
  /** A slot was taken. `reserved` of the org's limit are kept, beyond `maxAllowed`, for requests that have priority. */
  'admission.granted': OfOrg & { readonly connectionId: string; readonly reserved?: number }
  /** A request was refused; `scope` says whose the counts are where not the org's, `cause` why the store did not answer. */
  'admission.denied': {
    readonly org: string
    readonly code: RefusalCode
    readonly currentCount?: number
    readonly maxAllowed?: number
    readonly reserved?: number
    readonly scope?: string
    readonly cause?: string
  }
  /** Whoever asked left before the decision; what was taken for it is given back. */
  'admission.abandoned': { readonly org: string }
  /** Every decision, whoever asked, how long it took, and whether it was asked in the place of an earlier connection. */
  'admission.decided': {
    readonly code: RefusalCode | 'ADMITTED'
    readonly tookMs: number
    readonly takesOver: boolean
  }
  /** An upgrade was refused at a gate, for whatever reason; the org is known where that was found out. */
  'upgrade.refused': { readonly org: string | undefined; readonly code: RefusalCode }
  /** A WebSocket opened at a gate. */
  'connection.opened': { readonly org: string | undefined; readonly connectionId: string }
  /** The raw socket of such a one is closed; by us, where `closing` says why. */
  'connection.closed': {
    readonly org: string | undefined
    readonly connectionId: string
    readonly closing: ClosingCode | undefined
  }
  /** An org holds its share of the limit (80 % by default) or more; told once, until it held less. */
  'org.nearly_full': OfOrg
  /** The same at its limit. */
  'org.full': OfOrg
  /** A newer connection of its client has got the slot of the one named `replaced`, wherever that is. */
  'connection.taken_over': { readonly connectionId: string; readonly org: string; readonly replaced: string }
  /** A limit was full: so many silent peers of this node were asked whether they are still there, and so many were not. */
  'peers.probed': { readonly scope: string; readonly id: string; readonly asked: number; readonly freed: number }
  /** `release` was called; the store is told next. */
  'connection.released': { readonly connectionId: string; readonly org: string }
  /** The node has a new lease; for `recoveryMs` the store, which has lost its memory or never had any, admits nobody. */
  'lease.taken': OfBucket & { readonly lease: number; readonly epoch: string; readonly recoveryMs: number }
  /** The store answered a renewal. `deadLeases` are not swept yet; of many only 16 are told, in each bucket. */
  'lease.renewed': { readonly liveNodes: number; readonly deadLeases: number; readonly recoveryMs: number }
  /** The lease is gone: the store has lost its memory (`lost`), or has declared this node dead (`fenced`). */
  'lease.lost': OfBucket & { readonly lease: number; readonly reason: 'lost' | 'fenced' }
  /** A change that an operator made by any node, or whose time is over; without a limit it is taken back or has ended. */
  'limit.learned': { readonly org: string; readonly kind: 'override' | 'tier'; readonly limit?: number }
  /** The time for which an operator had set a limit is over. */
  'limit.ended': { readonly org: string; readonly kind: 'override' | 'tier' }
  /** An operator's change that the store has confirmed, through this node; `undefined` takes it back. */
  'limit.set': {
    readonly org: string
    readonly kind: 'override' | 'tier'
    readonly limit: number | undefined
    readonly [term: string]: unknown
  }
  /** A request named a tier that is none, and was given the limit of another. */
  'tier.unknown': { readonly org: string; readonly tier: string; readonly fallback: string }
  /** A store without memory was told what operators had set: written, known there already, or come too late (`over`). */
  'overrides.restored': { readonly written: number; readonly known: number; readonly over: number }
  /** Operators have set more limits than the so many that this node remembers: the rest it cannot write back. */
  'overrides.overflowed': { readonly remembered: number }
  /** What a dead lease had left is removed: so many connections. */
  'lease.swept': OfBucket & { readonly lease: number; readonly connections: number }
  /** Open connections were told to the store again, whether there was room (`keep`) or where there was (`room`). */
  'connections.reasserted': OfBucket & {
    readonly kept: number
    readonly closed: number
    readonly mode: 'keep' | 'room'
  }
  /** A call to the store ended; `outcome` is `ok`, or why not. */
  'store.called': { readonly verb: string; readonly outcome: string; readonly tookMs: number }
  /** The connection to the store ended, or could not be made: told at each attempt. */
  'store.left': OfBucket & { readonly cause: string }
  /** The store has let the node in, over a connection of this number, and renewed its lease. */
  'store.joined': OfBucket & { readonly generation: number }
  /** The store answers and refused a newcomer of this org: it is full, or a key of ours is not what it should be. */
  'store.refused': { readonly org: string; readonly reason: 'memory' | 'broken' | 'conflict' }
  /** Redis may evict keys, and with them slots: its `maxmemory-policy` takes any keys, not only those with an end. */
  'store.misconfigured': OfBucket & { readonly evictionPolicy: string }
  /** The store was not heard for as long as the policy bears: so many open connections are closed. */
  'lease.lapsed': OfBucket & { readonly closing: number }
  /** A connection was admitted in the absence of the store, by the policy of that name. */
  'debt.taken': { readonly connectionId: string; readonly org: string; readonly policy: 'local' | 'allow' }
  /** The store has learned of so many of those. */
  'debt.settled': { readonly connections: number }
  /** Connections were ordered to close, by this node: an operator's wish, or what an org holds above its limit. */
  'orders.given': {
    readonly org: string
    readonly kind: 'evict' | 'surplus'
    readonly ordered: number
    readonly reason?: string
  }
  /** An operator has told this node, by any other, to stop; it admits nobody from here on. Told once. */
  'drain.ordered': Readonly<Record<string, never>>
  /** An org was found to hold more than it may; told once for each pair of numbers. */
  'org.over_limit': OfOrg
  /** A connection of this node is being closed because some node had ordered it. */
  'order.obeyed': { readonly connectionId: string; readonly org: string; readonly closing: ClosingCode }
  /** An audit found slots that no connection has (`leaked`), or connections without one (`missing`), and mended it. */
  'drift.repaired': { readonly leaked: number; readonly missing: number }
  /** The first admission is possible. */
  'node.started': Readonly<Record<string, never>>
  /** The node admits nobody from here on. */
  'node.quieted': Readonly<Record<string, never>>
  /** A drain is done but for the lease; so many connections have not given back their slots. */
  'node.drained': { readonly left: number }
}

/** All of the interface, or this does not compile. */
const EVENTS: Readonly<Record<keyof NodeEvents, true>> = {
  'admission.granted': true,
  'admission.denied': true,
  'admission.abandoned': true,
  'admission.decided': true,
  'upgrade.refused': true,
  'connection.opened': true,
  'connection.closed': true,
  'org.nearly_full': true,
  'org.full': true,
  'connection.taken_over': true,
  'peers.probed': true,
  'connection.released': true,
  'lease.taken': true,
  'lease.renewed': true,
  'lease.lost': true,
  'limit.learned': true,
  'limit.ended': true,
  'limit.set': true,
  'tier.unknown': true,
  'overrides.restored': true,
  'overrides.overflowed': true,
  'lease.swept': true,
  'connections.reasserted': true,
  'store.called': true,
  'store.left': true,
  'store.joined': true,
  'store.refused': true,
  'store.misconfigured': true,
  'lease.lapsed': true,
  'debt.taken': true,
  'debt.settled': true,
  'orders.given': true,
  'drain.ordered': true,
  'org.over_limit': true,
  'order.obeyed': true,
  'drift.repaired': true,
  'node.started': true,
  'node.quieted': true,
  'node.drained': true,
}

type Listener<E extends keyof NodeEvents> = (event: NodeEvents[E]) => void

/** Throws `INVALID_SETTINGS` for an event that is none, which nobody would ever hear of, and for what is no listener. */
function checkListening(event: unknown, listener: unknown): void {
  if (typeof listener !== 'function')
    throw new UsageError('INVALID_SETTINGS', `a listener is a function, not ${shown(listener)}`)
  if (typeof event === 'string' && Object.hasOwn(EVENTS, event)) return
  const guess = typeof event === 'string' ? nearest(event, Object.keys(EVENTS)) : undefined
  const hint = guess === undefined ? '; docs/library.md lists them' : `; did you mean ${guess}?`
  throw new UsageError('INVALID_SETTINGS', `${shown(event)} is no event${hint}`)
}

/** Typed events. A listener that throws or rejects is a bug of its owner: `uncaught` is told, and the node goes on. */
export class EventBus {
  readonly #emitter = new EventEmitter().setMaxListeners(0)
  readonly #uncaught: (error: unknown) => void

  constructor(uncaught: (error: unknown) => void = (error) => console.error('headcount: a listener threw', error)) {
    this.#uncaught = uncaught
  }

  on<E extends keyof NodeEvents>(event: E, listener: Listener<E>): () => void {
    checkListening(event, listener)
    const safe = (payload: NodeEvents[E]) => tell(listener, payload, this.#uncaught)
    this.#emitter.on(event, safe)
    return () => this.#emitter.off(event, safe)
  }

  emit<E extends keyof NodeEvents>(event: E, payload: NodeEvents[E]): void {
    this.#emitter.emit(event, payload)
  }
}
