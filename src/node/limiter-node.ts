import type { Admission, AdmissionRequest, Asker, Phase } from '../core/admission.js'
import { type Clock, sleep, within } from '../core/clock.js'
import { EventBus } from '../core/events.js'
import { resolvePolicies } from '../core/policies.js'
import { Absence } from './admission/absence.js'
import { Admissions } from './admission/admissions.js'
import { Attempts } from './admission/attempts.js'
import { Denials } from './admission/denials.js'
import { Takeovers } from './admission/takeovers.js'
import type { AdmittingNode, NodeBuckets } from './admitting-node.js'
import { Auditor } from './auditor.js'
import { evictionWatch } from './eviction-watch.js'
import type { HeldConnection } from './held/held-connection.js'
import { HeldConnections } from './held/held-connections.js'
import { LeaseKeeper } from './lease/lease-keeper.js'
import { Sweeper } from './lease/sweeper.js'
import type { SetTerms } from './limits/limit-terms.js'
import { Overrides } from './limits/overrides.js'
import { encodeNodeInfo } from './node-info.js'
import type { LimiterNodeOptions } from './node-options.js'
import { ExcessWatch } from './orders/excess-watch.js'
import { OrderGiver } from './orders/order-giver.js'
import { OrderTaker } from './orders/order-taker.js'
import { Probing } from './probing/probing.js'
import { WaitingRoom } from './probing/waiting-room.js'
import { AdmissionQueue } from './queues/admission-queue.js'
import { ReleaseQueue } from './queues/release-queue.js'

/** The share of a drain in which slots are given back; the rest is for giving up the lease. */
const RETURN_SHARE = 0.8
/** Even a stop that has no time left gives up its lease if the store answers: its slots would stay taken for long. */
const LEAVE_MS = 100

/**
 * One node: admits connections against the store, keeps its lease, gives slots back, and stops in order.
 *
 * Its phases: `starting` until the store would admit; `running`; `quiet` (admits none, keeps what is open); `draining`
 * (open connections are told to close); `stopped` (the lease is given up, last of all).
 */
export class LimiterNode implements AdmittingNode {
  readonly events: EventBus
  readonly orders: OrderGiver
  readonly #clock: Clock
  readonly #held = new HeldConnections()
  readonly #releases: ReleaseQueue
  readonly #queue: AdmissionQueue
  readonly #admissions: Admissions
  readonly #keeper: LeaseKeeper
  readonly #auditor: Auditor
  readonly #absence: Absence
  readonly #overrides: Overrides
  readonly #excess: ExcessWatch
  readonly #denials: Denials
  /** Aborts when a drain need not wait for slots any more: all are given back, or another drain has no more time. */
  readonly #waitedEnough = new AbortController()
  #left: Promise<void> | undefined
  #phase: Phase = 'starting'

  constructor(options: LimiterNodeOptions) {
    const { store, timing, clock, random, events = new EventBus(), waitingRoom: room = new WaitingRoom() } = options
    const [held, policies, pace] = [this.#held, resolvePolicies(options.policies), options.closingPace]
    const [session, trusted] = [() => this.#keeper.session, () => this.#keeper.trusted()]
    this.events = events
    this.#clock = clock
    const releases = new ReleaseQueue(clock)
    const queue = new AdmissionQueue({ clock, held, releases, trusted, budgetMs: timing.admissionTimeoutMs })
    const overrides = new Overrides({ clock, events })
    const takeovers = new Takeovers({ clock, events, held, secret: options.resumeSecret })
    const probing = new Probing({ clock, timing, events, held, releases, session, timeoutMs: options.probeTimeoutMs })
    const absence = new Absence({ clock, timing, policies, held, events, embedded: store.embedded })
    const sweeper = new Sweeper(events)
    const orderTaker = new OrderTaker({ clock, events, held, releases, pace, onRenewed: (told) => probing.heard(told) })
    const onPolicy = evictionWatch(events)
    this.#keeper = new LeaseKeeper({
      store,
      timing,
      clock,
      random,
      held,
      releases,
      events,
      overrides,
      admissions: queue,
      nodeInfo: encodeNodeInfo(options),
      onSecret: (secret) => takeovers.tokens.learn(secret),
      onPolicy,
      onVouched: (sentAt) => absence.vouched(sentAt),
      onTelling: () => absence.look(),
      onRenewed: (joined, sentAt, reply) => {
        sweeper.take(joined, reply.dead)
        orderTaker.take(joined, reply.orders)
        probing.heard(reply)
        overrides.heard(joined, reply)
        absence.heard(sentAt, reply)
      },
    })
    const recoveryLeftMs = () => this.#keeper.recoveryLeftMs
    this.#denials = new Denials({ events, timing, random, farProbes: probing.far, recoveryLeftMs })
    const admits = () => this.#phase === 'running'
    this.#admissions = new Admissions({
      clock,
      defaults: options,
      events,
      keeper: this.#keeper,
      queue,
      takeovers,
      absence,
      overrides,
      denials: this.#denials,
      attempts: new Attempts({ clock, held, admissions: queue, room, probing, admits }),
      phase: () => this.#phase,
      release: (connection) => this.#release(connection),
    })
    const { inspector } = store
    this.orders = new OrderGiver({ inspector, events, session })
    const [policy, said] = [policies.onLimitLowered, (org: string) => overrides.onLoweredOf(org)]
    this.#excess = new ExcessWatch({ clock, inspector, held, events, orders: this.orders, policy, said })
    this.#auditor = new Auditor({ clock, events, held, releases, session: () => this.#keeper.toldSession, onPolicy })
    this.#releases = releases
    this.#queue = queue
    this.#absence = absence
    this.#overrides = overrides
    events.on('drain.ordered', () => this.quiet())
    events.on('lease.renewed', ({ recoveryMs }) => this.#renewed(recoveryMs))
  }

  get phase(): Phase {
    return this.#phase
  }

  get startRetryMs(): number | undefined {
    return this.#denials.startRetryMs()
  }

  get connections(): number {
    return this.#held.size
  }

  get waiting(): { readonly admissions: number; readonly releases: number } {
    return { admissions: this.#queue.size, releases: this.#releases.size }
  }

  get storeReachable(): boolean {
    return this.#keeper.session !== undefined && this.#keeper.trusted()
  }

  get buckets(): NodeBuckets {
    const leftMs = this.#keeper.recoveryLeftMs
    if (!this.storeReachable) return { count: 1, away: [0], recoveryMs: 0 }
    // Who waits for a straggler was told a moment each time: that it is past does not mean that admissions are on.
    return { count: 1, away: [], recoveryMs: leftMs === undefined ? 0 : Math.max(1, Math.ceil(leftMs)) }
  }

  recovers(): boolean {
    // A store that admits others may have yet to be told of what is open here, and is asked for nobody until then.
    return this.buckets.recoveryMs > 0 || this.#keeper.session !== this.#keeper.toldSession
  }

  start(): void {
    this.#keeper.start()
    this.#auditor.start()
  }

  admit(request: AdmissionRequest, signal?: Asker): Promise<Admission> {
    return this.#admissions.admit(request, signal)
  }

  async setLimit(org: string, limit: number | undefined, terms: SetTerms = {}): Promise<void> {
    await this.#overrides.set(this.#keeper.session, org, limit, terms)
    await this.#excess.look(org, terms.onLowered)
  }

  quiet(): void {
    if (this.#phase !== 'starting' && this.#phase !== 'running') return
    this.#phase = 'quiet'
    this.events.emit('node.quieted', {})
  }

  async drain({ withinMs }: { withinMs: number }): Promise<void> {
    if (this.#phase === 'stopped') return
    const clock = this.#clock
    const endMs = clock.monotonicMs() + withinMs
    this.quiet()
    this.#phase = 'draining'
    const open = this.#held.held()
    for (const connection of open) connection.lose('DRAINING')
    void this.#allReturned().then(() => this.#waitedEnough.abort())
    await sleep(clock, withinMs * RETURN_SHARE, this.#waitedEnough.signal)
    // Of several drains at once the one with the least time leaves, for all: a second leave would be refused as fenced.
    this.#left ??= this.#leave()
    // A call that goes unanswered ends by its own deadline, but nobody waits for that.
    await within(clock, Math.max(LEAVE_MS, endMs - clock.monotonicMs()), this.#left)
    this.#phase = 'stopped'
  }

  /** Stops at once, as a crash would, but politely to this process: the lease is left to expire. */
  async abandon(): Promise<void> {
    this.#phase = 'stopped'
    this.#absence.end()
    await Promise.all([this.#auditor.stop(), this.#keeper.stop({ leave: false })])
  }

  async #leave(): Promise<void> {
    this.#waitedEnough.abort()
    this.events.emit('node.drained', { left: this.#held.size })
    this.#absence.end()
    await Promise.all([this.#auditor.stop(), this.#keeper.stop({ leave: true })])
  }

  async #allReturned(): Promise<void> {
    await this.#held.whenEmpty()
    await this.#releases.whenEmpty()
  }

  /** The start is over with the first renewal of a store that does not recover. */
  #renewed(recoveryMs: number): void {
    if (this.#phase !== 'starting' || recoveryMs > 0) return
    this.#phase = 'running'
    this.events.emit('node.started', {})
  }

  #release(connection: HeldConnection): void {
    if (connection.state === 'gone') return
    // First handed on, then forgotten, so that at no moment neither list has it: the audit reads both.
    if (!connection.untold) this.#releases.add(connection.claim)
    this.#held.remove(connection)
    this.events.emit('connection.released', { connectionId: connection.id, org: connection.org })
  }
}
