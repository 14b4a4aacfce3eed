import type { Claim, IndexEntry, ScopeRef, SlotRef, TakeoverClaim, Verdict } from './claims.js'
import type { Journal } from './journal.js'
import type { DrainVerdict, Order, OrderReply, OrderRequest, ProbeReply } from './orders.js'
import type { LearnReply, OverrideRecord, OverrideTerms, RestoreVerdict } from './override-records.js'
import type { BucketInspector, StoreInspector } from './store-inspector.js'

export type { Claim, IndexEntry, ScopeClaim, ScopeRef, SlotRef, TakeoverClaim, Verdict } from './claims.js'
export type { ProbeReply } from './orders.js'
export type {
  BucketInspector,
  Holder,
  NodeEntry,
  OrgCount,
  Partly,
  StoreInspector,
  WhichNodes,
} from './store-inspector.js'

/**
 * The contract of a store: what every verb promises, in prose and types. Two stores keep it: `memory/`, the
 * executable specification, and `redis/`. One contract suite and one differential test run over both.
 *
 * A store never throws for what may happen in production. Every verb resolves to a `Reply`, within its deadline.
 */

/** Proof that a call comes from a live lease: refused as soon as any of the three is not what the store holds. */
export interface Fence {
  readonly lease: number
  /** Grows with each connection of the node, so that commands of an older one, delivered late, are refused. */
  readonly generation: number
  /** One life of the store. */
  readonly epoch: string
}

export type Reply<T> =
  | { readonly status: 'ok'; readonly value: T }
  /** The script ran and did nothing, and says why. */
  | { readonly status: 'refused'; readonly reason: FenceRefusal }
  /** Admissions wait until the store's memory is rebuilt. Only acquire and takeover are ever refused so. */
  | { readonly status: 'refused'; readonly reason: 'recovering'; readonly retryAfterMs: number }
  /** Nobody knows whether the script ran. The connection it went over must not be used again. */
  | { readonly status: 'unanswered'; readonly cause: string }

/**
 * - `lost`: the store has another epoch or none: it lost its memory; take a new lease and reassert everything.
 * - `fenced`: the lease was declared dead; take a new one and reassert what there is room for.
 * - `stale`: a newer connection of the same lease has said hello.
 */
export type FenceRefusal = 'lost' | 'fenced' | 'stale'

export interface HelloRequest {
  readonly lease: number
  /** Higher than in every hello that this node has said for this lease, answered or not. */
  readonly generation: number
  /**
   * The generation and epoch in which the lease was last answered; absent while no hello for it has been, whether it is
   * asked for the first time or again.
   */
  readonly known?: { readonly generation: number; readonly epoch: string }
  /** For a new lease the epoch of the one that this node had before, if it had any. */
  readonly lastEpoch?: string
  /**
   * A random name. If this hello finds the store without memory and must begin a new epoch, that is called by it and a
   * date, so that a hello that is said again begins no epoch of before.
   */
  readonly proposedEpoch: string
  /** For a store that has none, to sign resume tokens with: its own, as the node heard it, else a random one. */
  readonly proposedSecret: string
  /** Whether the node has anything to tell a recovering store, connections or what operators have set: it is waited for. */
  readonly reasserting: boolean
  /** JSON that operators see of the node. */
  readonly nodeInfo: string
}

export interface HelloReply {
  readonly epoch: string
  /** This hello began a new epoch. */
  readonly newEpoch: boolean
  /** Milliseconds until admissions resume, 0 when they are on. */
  readonly recoveryMs: number
  /** What the store does when memory runs out: see `mayEvictSlots`. Empty if unknown. */
  readonly evictionPolicy: string
  /** What resume tokens are signed with, the same for all nodes, as long as the store has its memory. */
  readonly resumeSecret: string
}

export interface RenewReply {
  /** Leases declared dead and not yet swept (a bounded number of them). */
  readonly dead: readonly number[]
  readonly liveNodes: number
  readonly recoveryMs: number
  /** Grows with everything that operators set or clear, and with what ends by itself; 0 while nobody ever has. */
  readonly overrideVersion: number
  /** What the caller is ordered and has not confirmed: of each kind at most `MAX_ITEMS`. */
  readonly orders: readonly Order[]
  /** Scopes whose silent peers the caller is to look for, told once: at most `MAX_ITEMS`. */
  readonly probes: readonly ScopeRef[]
}

export interface SweepReply {
  /** The next entries to hand to the following call; empty when the lease is forgotten. */
  readonly next: readonly IndexEntry[]
}

export interface AuditReply {
  readonly cursor: string
  readonly entries: readonly IndexEntry[]
  readonly whole: readonly boolean[]
  /** As in `HelloReply`, with the first page of a walk; else empty. */
  readonly evictionPolicy: string
}

export type ReassertVerdict = 'kept' | 'taken' | 'ordered' | 'full' | 'conflict' | 'broken'

/** At most this many items in one call, so that no script blocks the store for long. */
export const MAX_ITEMS = 64

/**
 * One connection to the store. Nothing may be sent on it before `hello` was answered `ok`; after an `unanswered` reply
 * it must be destroyed.
 */
export interface StoreConnection {
  /**
   * Opens a generation of a lease. A new lease starts to live; a known one lives on, renewed, and every older
   * generation is refused from here on. A new one that lives already, because nobody heard the answer to an earlier
   * hello, is replaced: nothing was said under it. A known one lives on only if it is the life that the caller knows,
   * and not one that a late first hello began after its death. Compares the store's identity with what it remembers: if
   * it lost its memory, a new epoch begins, every stored lease is dead, and admissions wait.
   */
  hello(request: HelloRequest): Promise<Reply<HelloReply>>
  /**
   * For each claim: adds it to all its scopes if each has room among the live, else to none (S1, S2). A claim already
   * held under this lease never takes anything more. With `again` it is admitted again, full or not (S4): to be said
   * when any of the claims may have been asked before, since to look for each of them would make every refusal dearer.
   * Slots of the same id that a lease which is not live has left are taken over (S6). Items stand alone.
   */
  acquire(fence: Fence, claims: readonly Claim[], how?: { readonly again: boolean }): Promise<Reply<Verdict[]>>
  /**
   * As acquire asked `again`, for claims that replace an earlier connection. In each scope of a claim of which that is
   * still a member, whatever lease holds it, it does not count, and hands its slot on if the claim is admitted: at no
   * moment both count or neither (S1, S2). The lease that held it, if it is live, is ordered to close it. Of several
   * that replace the same connection the first gets its slot, and the others count like any claim.
   */
  takeover(fence: Fence, claims: readonly TakeoverClaim[]): Promise<Reply<Verdict[]>>
  /**
   * Gives slots back; harmless twice. Removes only what this lease holds, or what was made under it: of an id whose maker
   * releases it nothing is wanted any more, by whomever.
   */
  release(fence: Fence, slots: readonly SlotRef[]): Promise<Reply<void>>
  /**
   * Extends the lease, advances the store's clock by a bounded step and declares expired leases dead. Of the caller's
   * orders, so many of each kind are passed over: how a long list is read page by page.
   */
  renew(fence: Fence, ordersPassedOver?: number): Promise<Reply<RenewReply>>
  /**
   * Removes `entries` (from the previous reply) of a dead lease and returns the next ones; forgets the lease when
   * nothing is left. Touches nothing of a lease that is not dead. Any node may do it, several at once.
   */
  sweep(fence: Fence, dead: number, entries: readonly IndexEntry[]): Promise<Reply<SweepReply>>
  /** The last act of a drained node: its lease is dead, whatever it still holds will be swept. Harmless twice. */
  leave(fence: Fence): Promise<Reply<void>>
  /**
   * Makes the store equal to connections that are still open, after the lease changed. `keep` adds them whatever the
   * limits say (the store lost its memory: nobody is kicked for that); `room` only where there is room.
   * Takes slots over from leases that are not live, never from live ones; adds none that this lease is ordered to
   * close, and none whose slot was taken over, as far as that is remembered.
   * `final` ends this node's reassertion.
   */
  reassert(
    fence: Fence,
    claims: readonly Claim[],
    how: { readonly mode: 'keep' | 'room'; readonly final: boolean },
  ): Promise<Reply<ReassertVerdict[]>>
  /**
   * Sets (or, with `undefined`, clears) what operators have decided for an org: an exception to its limit, or the limit
   * of the tier that it is in. Binds the very next acquire; ends with the first renewal after its time.
   */
  override(fence: Fence, org: string, limit: number | undefined, terms?: OverrideTerms): Promise<Reply<void>>
  /** What was set, cleared or has ended after a version, the oldest change first, at most `MAX_ITEMS`. Read-only. */
  learn(fence: Fence, after: number): Promise<Reply<LearnReply>>
  /**
   * Writes back what a node remembers of overrides, while the store recovers: only where it has none, an older one, or
   * one of the same version that it cannot read. What was set or cleared in this life of the store wins over all that is
   * from before.
   */
  restore(fence: Fence, records: readonly OverrideRecord[]): Promise<Reply<RestoreVerdict[]>>
  /**
   * Orders connections of an org to be closed by their owners, in the order in which they are named; of the kind
   * `surplus` no more than the org holds above its limit, those that are leaving already not counted (S1). Frees no
   * slot. An order stands until it is confirmed, and no longer than the lease that must obey; who was evicted is ordered
   * anew if its node tells of it under another.
   */
  order(fence: Fence, request: OrderRequest): Promise<Reply<OrderReply>>
  /**
   * Orders the node that holds this lease to stop. It is told by every renewal until it leaves, and the order ends with
   * its lease. Changes nothing else: to refuse and to close is the node's to do.
   */
  drain(fence: Fence, node: number): Promise<Reply<DrainVerdict>>
  /** Takes orders back that the caller has carried out, or whose connection is gone. Harmless twice. */
  confirm(fence: Fence, orders: readonly Order[]): Promise<Reply<void>>
  /**
   * Asks the other live leases that hold slots of a scope to look for silent peers. Each hears of it with its next
   * renewal, once however often it is asked until then, and may not hear of it at all. Frees no slot.
   */
  probe(fence: Fence, scope: ScopeRef): Promise<Reply<ProbeReply>>
  /**
   * What the store believes of the caller's own lease, read-only: one page of its index, and for each of `slots`
   * whether index and every scope hold it. `cursor` '0' starts and ends a walk; `undefined` asks for no page.
   */
  audit(fence: Fence, cursor: string | undefined, slots: readonly SlotRef[]): Promise<Reply<AuditReply>>
  /** Resolves when the connection is gone, for whatever reason, with that reason. */
  readonly closed: Promise<string>
  /** Cuts the connection at once (TCP reset), so that what was sent is not delivered later. Idempotent. */
  destroy(reason: string): void
}

/** What every store has, also one that is made of several. */
export interface SharedState {
  /** True where the store lives and dies with this process: there is nothing to recover, and no ghost to wait for. */
  readonly embedded: boolean
  /** Where the store is, without credentials. */
  readonly description: string
  readonly inspector: StoreInspector
  readonly journal: Journal
  close(): Promise<void>
}

export interface LeaseStore extends SharedState {
  readonly inspector: BucketInspector
  /** A fresh connection; `unanswered` when none could be had within the connect deadline. */
  connect(): Promise<Reply<StoreConnection>>
}

/**
 * The store did not answer, or did not confirm a change: that may or may not be in force, and saying it again is
 * harmless.
 */
export class StoreUnavailable extends Error {
  readonly code = 'STORE_UNAVAILABLE'

  constructor(cause: string, what: 'did not answer' | 'refused' = 'did not answer') {
    super(`the store ${what}: ${cause}`)
    this.name = 'StoreUnavailable'
  }
}
