import type { Admission, AdmissionRequest, Phase } from '../core/admission.js'
import { keepAwake, systemClock } from '../core/clock.js'
import { EventBus, type NodeEvents } from '../core/events.js'
import type { Tiers } from '../core/tiers.js'
import type { WebSocketServer } from '../gate/ws-gate.js'
import type { AdmittingNode, NodeBuckets } from '../node/admitting-node.js'
import type { LimitTerms } from '../node/limits/limit-terms.js'
import type { SurplusTerms } from '../node/limits/on-lowered.js'
import type { Evicted, EvictionRequest } from '../node/orders/order-giver.js'
import type { Journal } from '../store/journal.js'
import type { SharedState } from '../store/lease-store.js'
import type { DrainVerdict } from '../store/orders.js'
import type { AttachOptions, UpgradeSource } from './attach-options.js'
import { ClusterStats, type OrgStats } from './cluster-stats.js'
import { type DrainOptions, drainInOrder, drainTime } from './drain-in-order.js'
import { Gates } from './gates.js'
import type { HoldersOptions } from './holders.js'
import { makeNode } from './make-node.js'
import { type LimiterOptions, resolveOptions } from './options.js'
import { checkLease, type EvictOptions, reasonOf } from './order-options.js'
import type { OrgLimits } from './org-limits.js'
import { type LiveNode, type OrgHolders, OwnView } from './own-view.js'
import { tellWhenReached } from './tell-when-reached.js'
import { TimedAdmitter } from './timed-admitter.js'
import { whenStarted } from './when-started.js'

/**
 * Limits connections per org, exactly over all processes that share a store. One per process; many servers may be
 * attached to it.
 */
export class Limiter {
  /** @internal */
  readonly stats: ClusterStats
  /** `drain` closes those that others open here like its own. @internal */
  readonly gates: Gates
  /** What the nodes of the cluster note for operators. @internal */
  readonly journal: Journal
  /** @internal */
  readonly embedded: boolean
  readonly #node: AdmittingNode
  readonly #admitter: TimedAdmitter
  readonly #tiers: Tiers
  readonly #view: OwnView
  readonly #store: SharedState
  readonly #ownsStore: boolean
  readonly #events = new EventBus()
  /** Of the embedded store alone, whose start takes some turns of the loop. */
  readonly #started: Promise<void> | undefined

  /** Use `createLimiter`. */
  constructor(options: LimiterOptions) {
    const resolved = resolveOptions(options)
    const { store, ownsStore, timing, tiers, limits, nearlyFullPercent } = resolved
    tellWhenReached(this.#events, nearlyFullPercent, 'org.nearly_full')
    tellWhenReached(this.#events, 100, 'org.full')
    this.#store = store
    this.#ownsStore = ownsStore
    this.journal = store.journal
    this.embedded = store.embedded
    this.stats = new ClusterStats(store.inspector, { ...resolved, terms: timing, reserved: limits.reserved })
    this.#view = new OwnView(this.stats, this.#events)
    this.#tiers = tiers
    this.#node = makeNode(store, { ...resolved, clock: systemClock, random: Math.random, events: this.#events })
    this.#started = store.embedded ? whenStarted(this.#events) : undefined
    this.#admitter = new TimedAdmitter(this.#node, { clock: systemClock, events: this.#events }, this.#started)
    this.gates = new Gates({ admitter: this.#admitter, events: this.#events })
    void (options.startsWhen?.then(() => this.#node.start()) ?? this.#node.start())
  }

  /** Where this process is in its life: it admits while it is `running`. */
  get phase(): Phase {
    return this.#node.phase
  }

  /** Connections of this process that are open or being admitted. */
  get connections(): number {
    return this.#node.connections
  }

  /** Admissions of this process without a decision yet, and slots that are being given back. */
  get waiting(): { readonly admissions: number; readonly releases: number } {
    return this.#node.waiting
  }

  /** Whether admissions of all orgs can be decided now, as far as this process knows. */
  get storeReachable(): boolean {
    return this.#node.storeReachable
  }

  /** Where the shared state is, without credentials. */
  get storeDescription(): string {
    return this.#store.description
  }

  /** @internal */
  get buckets(): NodeBuckets {
    return this.#node.buckets
  }

  /**
   * Decides whether an org may hold one more connection: within `storeTimeoutMs`; where a limit is full and silent holders
   * are asked first, within `probeTimeoutMs` and that once more; for an instance whose old connection is on another node
   * within 3 s. Resolves for every refusal, also when the store is away; rejects only with `UsageError`, for what can never
   * be valid: `INVALID_ORG`, `INVALID_LIMIT`, `INVALID_SCOPES`, `INVALID_SETTINGS`. Call `release` when the connection has
   * really closed; close it when `lost` aborts.
   */
  admit(request: AdmissionRequest, signal?: AbortSignal): Promise<Admission> {
    return this.#admitter.admit(request, signal)
  }

  /**
   * Puts the limit in front of a WebSocket server: owns the HTTP server's `upgrade` event, refuses with problem details
   * before the upgrade, and emits `connection` on `wss` for who is admitted, with the admission as the third argument.
   * Slots follow the raw sockets. Throws `WSS_NOT_DETACHED` unless `wss` was made with `noServer: true`, `UPGRADE_TAKEN`
   * where somebody listens for upgrades already, `INVALID_SETTINGS`, `INVALID_LIMIT` or `INVALID_TRUSTED_PROXIES`.
   */
  attach(server: UpgradeSource, wss: WebSocketServer, options: AttachOptions): void {
    this.gates.attach(server, wss, options)
  }

  /**
   * Whether `admit` would probably say yes to a request of this org; give it the `limit` that the request would have.
   * Advisory: another connection may take the slot before yours asks, and limits other than the org's are not looked at.
   * Rejects as `orgStats` does, and with `INVALID_SETTINGS`.
   */
  async canAccept(
    orgId: string,
    request: Pick<AdmissionRequest, 'limit' | 'tier' | 'priority'> = {},
  ): Promise<boolean> {
    await this.#started
    // A store that recovers knows of those only that have been told to it again, and admits nobody; nor does a node before
    // the store knows of its own.
    return (await this.stats.hasRoom(orgId, request)) && this.phase === 'running' && !this.#node.recovers(orgId)
  }

  /**
   * What an org holds, and its limit: the operator's exception, else the request's `limit` where one is given, else the
   * default. Rejects with `STORE_UNAVAILABLE`, `INVALID_ORG` or `INVALID_LIMIT`.
   */
  orgStats(orgId: string, request: Pick<AdmissionRequest, 'limit' | 'tier'> = {}): Promise<OrgStats> {
    return this.stats.org(orgId, request)
  }

  /**
   * Sets or clears (`undefined`) the operator's exception to an org's limit; it binds the very next admission on every
   * node. Rejects with `STORE_UNAVAILABLE` when the store did not confirm it, and with `INVALID_ORG`, `INVALID_LIMIT` or
   * `INVALID_TERMS`.
   */
  async setLimit(orgId: string, limit: number | undefined, terms: LimitTerms & SurplusTerms = {}): Promise<void> {
    await this.#started
    await this.#node.setLimit(orgId, limit, terms)
  }

  /**
   * Puts an org in a tier, whatever its credentials say, or (`undefined`) takes that back; an operator's exception wins
   * over it. Binds the very next admission. The number is the tier's as this node has it now: it stays when the table
   * of tiers changes, until it is set again. Rejects with `UNKNOWN_TIER`, or as `setLimit` does.
   */
  async setTier(orgId: string, tier: string | undefined, terms: LimitTerms & SurplusTerms = {}): Promise<void> {
    const limit = tier === undefined ? undefined : this.#tiers.knownLimit(tier)
    await this.#started
    await this.#node.setLimit(orgId, limit, { ...terms, kind: 'tier', ...(tier !== undefined && { tier }) })
  }

  /** What an org holds and may hold, and why. Rejects with `STORE_UNAVAILABLE` or `INVALID_ORG`. */
  orgLimits(orgId: string): Promise<OrgLimits> {
    return this.stats.limits(orgId)
  }

  /**
   * Asks for a connection, or for all that an org holds now, to be closed with 4409, on whatever node they are: within a
   * renew interval, and thousands at a pace. Resolves once the orders are in the store, with how many there are; no
   * connection, no order. Rejects with `STORE_UNAVAILABLE` when the store did not confirm it, when saying it again is
   * harmless, and with `INVALID_ORG` or `INVALID_SETTINGS`.
   */
  async evict(whom: EvictionRequest, options: EvictOptions = {}): Promise<Evicted> {
    await this.#started
    return this.#node.orders.evict(whom, reasonOf(options))
  }

  /**
   * Orders the node that holds this lease, which may be this one, to stop. It hears of it within a renew interval: from
   * then on it admits nobody, and emits `drain.ordered`, upon which the server of this package ends as on SIGTERM and a
   * program that embeds the limiter does what it thinks right. `leaving` where it was ordered before, `gone` where no
   * live node holds the lease. Rejects with `STORE_UNAVAILABLE` when the store did not confirm it, and `INVALID_SETTINGS`.
   */
  async drainNode(lease: number): Promise<DrainVerdict> {
    checkLease(lease)
    await this.#started
    return this.#node.orders.drain(lease)
  }

  /** Every org that holds slots or has an operator's exception. Rejects with `STORE_UNAVAILABLE`. */
  allOrgStats(): Promise<OrgStats[]> {
    return this.stats.allOrgs()
  }

  /**
   * Who holds the slots of an org now, over all processes: `atMost` of them, 1,000 where absent and up to 10,000, and
   * whether there are more. Rejects with `STORE_UNAVAILABLE`, `INVALID_ORG` or `INVALID_SETTINGS`.
   */
  holders(orgId: string, options: HoldersOptions = {}): Promise<OrgHolders> {
    return this.#view.holders(orgId, options)
  }

  /**
   * The nodes whose leases live, this process among them once it has one. One that is `late` has missed a beat; what it
   * holds is free soon after `leaseExpiresInMs` if none comes. Rejects with `STORE_UNAVAILABLE`.
   */
  nodes(): Promise<LiveNode[]> {
    return this.#view.nodes()
  }

  /** Listens to what happens on this node; returns the undo. Throws `INVALID_SETTINGS` for an event that is none. */
  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /**
   * Resolves when the first admission is possible, or when a drain has begun before it was; `phase` says which. With a
   * fresh Redis the first admission takes some renew intervals, and while none is there it waits for it, and keeps the
   * process alive; `store.left` tells why. The embedded store needs no waiting: there all else does that by itself.
   */
  ready(): Promise<void> {
    return this.phase === 'starting' ? keepAwake(whenStarted(this.#events)) : Promise.resolve()
  }

  /** Admits nobody from here on; what is open stays. */
  quiet(): void {
    this.#node.quiet()
  }

  /**
   * Stops in order, within `withinMs`, 25 s where absent: admits none, closes every connection with 1012, gives back
   * each slot as its socket closes, gives up the lease last, and lets go of the store. What is not closed by then is cut
   * off, and its slot left to another node to sweep. Harmless twice: of two at once the one with less time counts.
   * Rejects with `INVALID_SETTINGS`, and stops nothing, for a time that is none.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    await keepAwake(drainInOrder(this.gates, this.#node, drainTime(options), systemClock))
    this.gates.destroy()
    if (this.#ownsStore) await this.#store.close()
  }
}

/** The library's front door. Throws `UsageError` for options that cannot work; connects in the background. */
export function createLimiter(options: LimiterOptions = {}): Limiter {
  return new Limiter(options)
}
