import type { Admission, AdmissionRequest, Phase } from '../core/admission.js'
import type { Ending } from '../core/ending.js'
import { EventBus } from '../core/events.js'
import { ConnectionIds } from '../core/ids.js'
import { within } from '../core/within.js'
import type { Claim } from '../store/lease-store.js'
import { Absence, type Slot } from './absence.js'
import { type AdmissionOutcome, AdmissionQueue } from './admission-queue.js'
import { AdmittedConnection, type AdmittedOwner } from './admitted.js'
import type { AdmittingNode } from './admitting-node.js'
import { Attempts, type SlotAttempt } from './attempts.js'
import { Auditor } from './auditor.js'
import { claimOf } from './claims.js'
import { Denials } from './denials.js'
import { ExcessWatch } from './excess-watch.js'
import { HeldConnection } from './held-connection.js'
import { HeldConnections } from './held-connections.js'
import { LeaseKeeper } from './lease-keeper.js'
import type { SetTerms } from './limit-terms.js'
import type { LimiterNodeOptions } from './node-options.js'
import { OrderGiver } from './order-giver.js'
import { OrderTaker } from './order-taker.js'
import { Overrides } from './overrides.js'
import { resolvePolicies } from './policies.js'
import { Probing } from './probing.js'
import { ReleaseQueue } from './release-queue.js'
import { Sweeper } from './sweeper.js'
import { Takeovers } from './takeovers.js'

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
  readonly #options: LimiterNodeOptions
  readonly #held = new HeldConnections()
  readonly #releases: ReleaseQueue
  readonly #admissions: AdmissionQueue
  readonly #keeper: LeaseKeeper
  readonly #auditor: Auditor
  readonly #absence: Absence
  readonly #overrides: Overrides
  readonly #excess: ExcessWatch
  readonly #takeovers: Takeovers
  readonly #probing: Probing
  readonly #denials: Denials
  readonly #attempts: Attempts
  readonly #owner: AdmittedOwner
  #phase: Phase = 'starting'
  readonly #ids = new ConnectionIds()

  constructor(options: LimiterNodeOptions) {
    const { store, timing, clock, random, name } = options
    const { startedAt = new Date(clock.wallMs()).toISOString() } = options
    this.#releases = new ReleaseQueue(clock)
    const [held, releases] = [this.#held, this.#releases]
    this.#options = options
    this.events = options.events ?? new EventBus()
    this.#takeovers = new Takeovers({ clock, events: this.events, held, secret: options.resumeSecret })
    this.#probing = new Probing({
      ...{ clock, timing, events: this.events, held, releases, timeoutMs: options.probeTimeoutMs },
      session: () => this.#keeper.session,
    })
    const recoveryLeftMs = () => this.#keeper.recoveryLeftMs
    this.#denials = new Denials({ events: this.events, timing, random, farProbes: this.#probing.far, recoveryLeftMs })
    const sweeper = new Sweeper(this.events)
    this.#overrides = new Overrides({ clock, events: this.events })
    const orders = new OrderTaker({ clock, events: this.events, held, releases })
    this.events.on('drain.ordered', () => this.quiet())
    const [trusted, budgetMs] = [() => this.#keeper.trusted(), timing.admissionTimeoutMs]
    this.#admissions = new AdmissionQueue({ clock, held, releases, trusted, budgetMs })
    const [admissions, probing, admits] = [this.#admissions, this.#probing, () => this.#phase === 'running']
    this.#attempts = new Attempts({ clock, held, admissions, probing, admits })
    this.#keeper = new LeaseKeeper({
      ...{ store, timing, clock, random, held, releases, events: this.events },
      admissions: this.#admissions,
      nodeInfo: JSON.stringify({ name, startedAt }),
      overrides: this.#overrides,
      onSecret: (secret) => this.#takeovers.tokens.learn(secret),
      onJoined: (sentAt) => this.#absence.joined(sentAt),
      onRenewed: (session, sentAt, reply) => {
        sweeper.take(session, reply.dead)
        orders.take(session, reply.orders)
        this.#probing.heard(reply)
        this.#overrides.heard(session, reply)
        this.#absence.heard(sentAt, reply.liveNodes)
      },
    })
    const policies = resolvePolicies(options.policies)
    this.#absence = new Absence({
      ...{ clock, timing, policies, held, trusted, events: this.events },
      embedded: store.embedded,
    })
    this.#owner = {
      mayCarryFrames: this.#absence.mayCarryFrames,
      release: (connection) => this.#release(connection),
      resumeToken: (whose, id) => this.#takeovers.tokens.issue(whose, id),
    }
    this.orders = new OrderGiver({ store, events: this.events, session: () => this.#keeper.session })
    this.#excess = new ExcessWatch({
      ...{ clock, store, held, events: this.events, orders: this.orders, policy: policies.onLimitLowered },
      said: (org) => this.#overrides.onLoweredOf(org),
    })
    const session = () => this.#keeper.settledSession
    this.#auditor = new Auditor({ clock, events: this.events, held, releases, session })
    this.events.on('lease.renewed', ({ recoveryMs }) => {
      if (this.#phase !== 'starting' || recoveryMs > 0) return
      this.#phase = 'running'
      this.events.emit('node.started', {})
    })
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
    return { admissions: this.#admissions.size, releases: this.#releases.size }
  }

  get storeReachable(): boolean {
    return this.#keeper.session !== undefined && this.#keeper.trusted()
  }

  start(): void {
    this.#keeper.start()
    this.#auditor.start()
  }

  async admit(request: AdmissionRequest, signal?: Ending): Promise<Admission> {
    const claim = this.#claim(request)
    if (this.#phase !== 'running') {
      return this.#denials.deny(claim, { code: this.#phase === 'starting' ? 'STARTING' : 'DRAINING' })
    }
    const asking = new HeldConnection(claim, this.#options.clock.monotonicMs(), this.#takeovers.replacedBy(request))
    const outcome = await this.#admissions.ask(asking, signal)
    // What is not usual has a function of its own: what one keeps while it waits is paid for at every upgrade.
    if (outcome.kind === 'decided' && outcome.verdict.admitted) return this.#grant(request, asking, outcome.verdict)
    return this.#admitAfterAll(request, { connection: asking, outcome }, signal)
  }

  /** Goes on where the first answer was no. */
  async #admitAfterAll(request: AdmissionRequest, first: SlotAttempt, signal?: Ending): Promise<Admission> {
    const { claim, replaces } = first.connection
    const another = () => new HeldConnection(this.#claim(request), this.#options.clock.monotonicMs(), replaces)
    const { connection, outcome } = await this.#attempts.goOn(first, another, signal)
    if (outcome.kind === 'decided' && outcome.verdict.admitted) return this.#grant(request, connection, outcome.verdict)
    if (outcome.kind === 'abandoned') {
      this.events.emit('admission.abandoned', { org: connection.org })
      return { admitted: false, code: 'ADMISSION_UNDECIDED' }
    }
    if (outcome.kind === 'decided' && this.#phase !== 'running') return this.#denials.deny(claim, { code: 'DRAINING' })
    return this.#admitOnDebt(request, outcome, signal) ?? this.#denials.probeAndDeny(claim, outcome)
  }

  /** In the store's place, where the policy says so: under an id of its own, since the other may be taken back. */
  #admitOnDebt(request: AdmissionRequest, outcome: AdmissionOutcome, signal?: Ending): Admission | undefined {
    if (outcome.kind !== 'unavailable' || this.#keeper.session || signal?.aborted) return undefined
    if (this.#phase !== 'running') return undefined
    const connection = new HeldConnection(this.#claim(request), this.#options.clock.monotonicMs())
    const slot = this.#absence.admit(connection, this.#overrides.limitOf(connection.org))
    return slot && this.#grant(request, connection, slot)
  }

  #grant(request: AdmissionRequest, connection: HeldConnection, slot: Slot & { tookOver?: true }): Admission {
    // A stop that began during the decision closes this connection like the others.
    if (this.#isClosing()) connection.lose('DRAINING')
    if (slot.tookOver) this.#takeovers.tookOver(connection)
    if (connection.instance) this.#keeper.pause.shorten()
    const admitted = new AdmittedConnection(connection, slot, request, this.#owner)
    const { connectionId, currentCount, maxAllowed, reserved } = admitted
    const kept = reserved === undefined ? undefined : { reserved }
    this.events.emit('admission.granted', { connectionId, org: connection.org, currentCount, maxAllowed, ...kept })
    return admitted
  }

  async setLimit(org: string, limit: number | undefined, terms: SetTerms = {}): Promise<void> {
    await this.#overrides.set(this.#keeper.session, org, limit, terms)
    await this.#excess.look(org, terms.onLowered)
  }

  quiet(): void {
    if (this.#phase === 'stopped' || this.#isClosing() || this.#phase === 'quiet') return
    this.#phase = 'quiet'
    this.events.emit('node.quieted', {})
  }

  async drain({ withinMs }: { withinMs: number }): Promise<void> {
    if (this.#phase === 'stopped') return
    const { clock } = this.#options
    const endMs = clock.monotonicMs() + withinMs
    this.quiet()
    this.#phase = 'draining'
    const open = this.#held.held()
    for (const connection of open) connection.lose('DRAINING')
    await within(clock, withinMs * RETURN_SHARE, this.#allReturned())
    this.events.emit('node.drained', { left: this.#held.size })
    this.#absence.end()
    // A call that goes unanswered ends by its own deadline, but nobody waits for that.
    const stopped = Promise.all([this.#auditor.stop(), this.#keeper.stop({ leave: true })])
    await within(clock, Math.max(LEAVE_MS, endMs - clock.monotonicMs()), stopped)
    this.#phase = 'stopped'
  }

  /** Stops at once, as a crash would, but politely to this process: the lease is left to expire. */
  async abandon(): Promise<void> {
    this.#phase = 'stopped'
    this.#absence.end()
    await Promise.all([this.#auditor.stop(), this.#keeper.stop({ leave: false })])
  }

  async #allReturned(): Promise<void> {
    await this.#held.whenEmpty()
    await this.#releases.whenEmpty()
  }

  #isClosing(): boolean {
    return this.#phase === 'draining' || this.#phase === 'stopped'
  }

  #claim(request: AdmissionRequest): Claim {
    const id = this.#ids.next(this.#keeper.idPrefix)
    return claimOf(request, this.#options, { id, sinceMs: this.#options.clock.wallMs() }, this.events)
  }

  #release(connection: HeldConnection): void {
    if (connection.state === 'gone') return
    // First handed on, then forgotten, so that at no moment neither list has it: the audit reads both.
    if (!connection.untold) this.#releases.add(connection.claim)
    this.#held.remove(connection)
    this.events.emit('connection.released', { connectionId: connection.id, org: connection.org })
  }
}
