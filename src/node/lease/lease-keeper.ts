import { sleep } from '../../core/clock.js'
import { newEpoch, newLease } from '../../core/ids.js'
import { type HelloReply, MAX_ITEMS, type RenewReply, type StoreConnection } from '../../store/lease-store.js'
import type { KeeperParts } from './keeper-parts.js'
import { LeaseIdentity } from './lease-identity.js'
import { elapsedMs, type Moment, momentOf } from './moment.js'
import { backoffMs } from './pace.js'
import { type ReassertMode, reassertAll } from './reassert.js'
import { Recovery } from './recovery.js'
import { RenewPause } from './renew-pause.js'
import { Session } from './session.js'

/**
 * Keeps the node's lease alive. Its life is one loop:
 *
 *     join: connect, say hello (the known lease or a new one, always with the next generation)
 *       → if the lease is new although connections are open: reassert them, while admissions wait
 *     hold: let admissions and releases through, renew every R (± 10 %)
 *       → until a call goes unanswered (join again: the lease may live on; what went unanswered is settled),
 *         or is refused: 'fenced' or 'lost' (the lease is gone, once a hello hears the same: join with a new one)
 *
 * Three outcomes are never mixed: renewed, refused, no answer. After no answer the node trusts its lease until D,
 * counted from when the last successful renewal was sent, and goes on trying.
 */
export class LeaseKeeper {
  readonly pause: RenewPause
  readonly #parts: KeeperParts
  readonly #stop = new AbortController()
  readonly #identity: LeaseIdentity
  readonly #spare = newLease()
  readonly #recovery: Recovery
  #renewedAt: Moment | undefined
  /** What has to be told to the store before admissions go on, after the lease was lost. */
  #owed: ReassertMode | undefined
  #session: Session | undefined
  #isTold = false
  #running: Promise<void> | undefined
  #leaves = false

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.pause = new RenewPause(parts)
    this.#recovery = new Recovery(parts.clock)
    this.#identity = new LeaseIdentity(parts.clock, parts.timing)
  }

  /** What new connection ids begin with: the lease, or between two leases a number that is as rare. */
  get idPrefix(): number {
    return this.#identity.held ?? this.#spare
  }

  /** The session through which calls may go now. */
  get session(): Session | undefined {
    return this.#session
  }

  /** The same once the store has been told of all that is open; before that, what it does not know is no drift. */
  get toldSession(): Session | undefined {
    return this.#isTold ? this.#session : undefined
  }

  /** What is left of the time in which the store said last that it admits nobody; `undefined` where it said nothing of that. */
  get recoveryLeftMs(): number | undefined {
    return this.#recovery.leftMs
  }

  /** Whether an answer of the store may still be used. An embedded store cannot outlive its node: no deadline there. */
  trusted(): boolean {
    const { store, clock, timing } = this.#parts
    if (store.embedded) return true
    return this.#renewedAt !== undefined && elapsedMs(clock, this.#renewedAt) < timing.trustMs
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends the loop; with `leave`, gives up the lease first if the store can be reached, also one that is just taken. */
  async stop({ leave }: { leave: boolean }): Promise<void> {
    this.#leaves = leave
    this.#stop.abort()
    if (this.#session) await this.#end(this.#session)
    await this.#running
  }

  async #end(session: Session): Promise<void> {
    if (this.#leaves) await session.call((connection, fence) => connection.leave(fence))
    session.close('closed', 'the node stops')
  }

  async #run(): Promise<void> {
    const { clock, events } = this.#parts
    let failures = 0
    while (!this.#stop.signal.aborted) {
      const joinedAtMs = clock.monotonicMs()
      const session = await this.#join()
      if (!session) this.#parts.admissions.close(false)
      else if (this.#stop.signal.aborted) await this.#end(session)
      else {
        this.#session = session
        this.#isTold = await this.#tellWhatIsOpen(session)
        if (this.#isTold) await this.#hold(session)
        this.#isTold = false
        this.#session = undefined
        const end = session.end
        this.#parts.releases.close()
        // What is lost may live on in another store: that is for the next hello to find out.
        if (end?.why === 'fenced') this.#loseLease('fenced', session.fence.lease)
        this.#parts.admissions.close(this.#owed !== undefined || end?.why === 'lost')
        if (!this.#stop.signal.aborted) events.emit('store.left', { cause: end?.cause ?? 'ended' })
      }
      // A session that lived through a renewal was a good one; only quick ends in a row slow the next attempt down.
      const lived = session !== undefined && clock.monotonicMs() - joinedAtMs > this.#parts.timing.renewIntervalMs
      failures = lived ? 0 : failures + 1
      if (failures > 1) await sleep(clock, backoffMs(this.#parts, failures), this.#stop.signal)
    }
  }

  async #join(): Promise<Session | undefined> {
    const connected = await this.#parts.store.connect()
    if (connected.status !== 'ok') return this.#left('cause' in connected ? connected.cause : connected.reason)
    const connection = connected.value
    const first = await this.#hello(connection)
    // A lease that is gone, or not known here, is replaced at once, on the same connection.
    const session = first === 'gone' ? await this.#hello(connection, { anew: true }) : first
    if (session instanceof Session) return session
    connection.destroy('hello brought no lease')
    return undefined
  }

  async #hello(connection: StoreConnection, how?: { readonly anew: true }): Promise<Session | 'gone' | undefined> {
    const { clock, nodeInfo } = this.#parts
    const claim = this.#identity.next(how)
    const reasserting = this.#remembers()
    const sentAt = momentOf(clock)
    const reply = await connection.hello({ ...claim, proposedEpoch: newEpoch(), reasserting, nodeInfo })
    if (reply.status === 'refused') {
      // A store that knows nothing of it may be another than gave it: it is not lost before that gives a new one.
      if (reply.reason === 'fenced') this.#loseLease('fenced', claim.lease)
      return reply.reason === 'lost' || reply.reason === 'fenced' ? 'gone' : this.#left(`lease ${reply.reason}`)
    }
    if (reply.status === 'unanswered') return this.#left(reply.cause)
    const fence = { lease: claim.lease, generation: claim.generation, epoch: reply.value.epoch }
    if (!claim.known && this.#identity.held !== undefined && this.#identity.epoch === fence.epoch) {
      // Since the hello before, the address leads back to where the other lease is known, and holds all that is open.
      await connection.leave(fence)
      return this.#left('the store knows the lease that the node holds')
    }
    this.#recovery.heard(reply.value.recoveryMs)
    this.#parts.onSecret(reply.value.resumeSecret)
    if (!claim.known) this.#taken(claim.lease, reply.value, reasserting)
    this.#trust(sentAt)
    this.#parts.onPolicy(reply.value.evictionPolicy)
    this.#identity.confirm(claim, reply.value)
    return new Session(connection, fence)
  }

  #left(cause: string): undefined {
    this.#parts.events.emit('store.left', { cause })
  }

  #taken(lease: number, { epoch, recoveryMs }: HelloReply, reasserting: boolean): void {
    const { events, releases } = this.#parts
    if (this.#identity.held !== undefined) this.#loseLease('lost', this.#identity.held)
    // Fenced, and then the store lost its memory as well: nobody is kicked for that.
    if (this.#owed && this.#identity.epoch !== epoch) this.#owed = 'keep'
    // The recovery waits until this node has told what it said it had, though that may have gone meanwhile.
    if (reasserting && recoveryMs > 0) this.#owed ??= 'keep'
    // Whatever was still to be given back was held under an older lease, and is swept with it.
    releases.forget()
    events.emit('lease.taken', { lease, epoch, recoveryMs })
  }

  /** Tells the store of the open connections if it does not know them. False if the session ended over it. */
  async #tellWhatIsOpen(session: Session): Promise<boolean> {
    const { admissions, held, events, overrides, clock, timing, onTelling } = this.#parts
    let renewDueMs = clock.monotonicMs() + timing.renewIntervalMs
    const renewIfDue = async () => {
      if (clock.monotonicMs() < renewDueMs) return
      renewDueMs = clock.monotonicMs() + timing.renewIntervalMs
      await this.#renew(session)
    }
    // Before the connections: the last word about those ends the recovery's wait for this node.
    if (!(await overrides.restore(session, renewIfDue))) return false
    const debts = held.held().filter((connection) => connection.debt)
    if (!this.#owed && debts.length === 0) return true
    admissions.opening()
    // Under the same lease the store knows all but the debts, and those are open already: they are kept.
    const how = { mode: this.#owed ?? 'keep', recovery: this.#recovery, onTelling } as const
    const result = await reassertAll(session, this.#owed ? held.held() : debts, how, renewIfDue)
    // Also where the session ended over it: what the store has learned of is no debt for the next one.
    const settled = debts.filter(({ debt }) => !debt).length
    if (settled > 0) events.emit('debt.settled', { connections: settled })
    if (!result) return false
    this.#owed = undefined
    if (this.#renewedAt) this.#trust(this.#renewedAt)
    if (result.kept + result.closed > 0) events.emit('connections.reasserted', { ...result, mode: how.mode })
    return true
  }

  async #hold(session: Session): Promise<void> {
    const { admissions, releases, events } = this.#parts
    releases.open(session)
    admissions.open(session)
    // The first renewal comes at once: it tells of the dead and of how long recovery lasts.
    for (let isToldOf = false; !session.end && !this.#stop.signal.aborted; isToldOf = true) {
      const heard = await this.#renew(session)
      if (!heard) return
      // Not before: a store may let in and refuse the rest, as one does whose user lacks a right, again and again.
      if (!isToldOf) events.emit('store.joined', { generation: session.fence.generation })
      // Behind a whole page of probes there may be more, and some of another org, which is not to wait for these (S5).
      if (heard.probes.length < MAX_ITEMS) await this.pause.rest(this.#recovery.lastMs, session.ended)
    }
  }

  async #renew(session: Session): Promise<RenewReply | undefined> {
    const { clock, events, onRenewed } = this.#parts
    const sentAt = momentOf(clock)
    const reply = await session.call((connection, fence) => connection.renew(fence))
    if (reply.status !== 'ok') return undefined
    this.#trust(sentAt)
    const { liveNodes, recoveryMs, dead } = reply.value
    this.#recovery.heard(recoveryMs)
    events.emit('lease.renewed', { liveNodes, deadLeases: dead.length, recoveryMs })
    onRenewed(session, sentAt, reply.value)
    return reply.value
  }

  /** A store that has yet to be told of what is open keeps no slots for it, though it knows the lease. */
  #trust(sentAt: Moment): void {
    this.#renewedAt = sentAt
    if (!this.#owed) this.#parts.onVouched(sentAt)
  }

  /** Whether there is anything to tell a store that has lost its memory: then recovery waits for this node. */
  #remembers(): boolean {
    return this.#parts.held.held().length > 0 || this.#parts.overrides.size > 0
  }

  #loseLease(reason: 'lost' | 'fenced', lease: number): void {
    const { events, held } = this.#parts
    // One that died before its first hello was answered was never this node's.
    if (!this.#identity.drop(lease)) return
    events.emit('lease.lost', { lease, reason })
    // Who was leaving lost its slot with the lease, and is not told to the store again: another may have the room.
    for (const connection of held.held()) if (connection.leaving) connection.loseSlot()
    // Once the store has lost its memory, nobody is kicked for it, whatever else happened to this node.
    if (this.#remembers()) this.#owed = reason === 'lost' || this.#owed === 'keep' ? 'keep' : 'room'
  }
}
