import type { Clock } from '../../core/clock.js'
import type { ClosingCode } from '../../core/closures.js'
import type { EventBus } from '../../core/events.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { Policies } from '../../core/policies.js'
import { reservedOf } from '../../core/reserve.js'
import type { RenewReply, ScopeClaim } from '../../store/lease-store.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { HeldConnections } from '../held/held-connections.js'
import { INSTANCE } from '../held/instances.js'
import { LapseWatch } from '../lease/lapse-watch.js'
import { elapsedMs, type Moment } from '../lease/moment.js'

interface AbsenceParts {
  readonly clock: Clock
  readonly timing: LeaseTiming
  readonly policies: Policies
  readonly held: HeldConnections
  readonly events: EventBus
  /** An embedded store is never away. */
  readonly embedded: boolean
}

/** What a connection was admitted with: slots of the org, of how many, and how many more are kept for others. */
export interface Slot {
  readonly count: number
  readonly limit: number
  readonly reserved?: number
}

/**
 * What the policies make of a store or a lease that is away (R2, S7): who is admitted in the store's place, when open
 * connections are closed, and whether frames may pass. What is no policy counts as the strictest.
 *
 * Under `close` they pass until D after the store last vouched for what is open. One that lost its memory does so again
 * once it was told; it admits nobody before D is over for all whom it cannot hear (ADR 28 and 29).
 *
 * Who is admitted in the store's place is debt: the store learns of it when it is back, whether there is room or not.
 * `local` is no exact limit, of any scope: an org whose connections are spread unevenly may exceed its own, by at most
 * the shares of the nodes that held none, and an instance may hold one connection on each node.
 */
export class Absence {
  /** Present under `close` alone: asked before each frame (S7). */
  readonly mayCarryFrames: (() => boolean) | undefined
  readonly #parts: AbsenceParts
  readonly #lapse: LapseWatch
  #heardAt: Moment | undefined
  #vouchedAt: Moment | undefined
  /** The lease is gone, and with it what the store knew of what is open. */
  #isUntold = false
  /** Open connections were closed for the absence: it would be no kindness to let them in again. */
  #hasLapsed = false
  #nodes = 1
  #isOver = false

  constructor(parts: AbsenceParts) {
    const { clock, timing, policies, events } = parts
    const closes = policies.onLeaseLost !== 'rejoin'
    this.#parts = parts
    this.mayCarryFrames = closes ? () => this.#isVouched() : undefined
    this.#lapse = new LapseWatch(clock, timing.trustMs + (closes ? 0 : policies.orphanTimeMs), () => this.#lapsed())
    events.on('lease.lost', ({ reason }) => {
      this.#isUntold = true
      // Fenced, others may have the slots.
      if (closes && reason === 'fenced') this.#closeAll('LEASE_LOST')
    })
  }

  /** Closes what D is over for. No timer runs while a machine sleeps, or before what has arrived was read. */
  look(): void {
    this.#lapse.look()
  }

  /** The store knows of all that is open, and answered what was sent then: from there on the time counts (S7). */
  vouched(sentAt: Moment): void {
    if (this.#isOver) return
    // The store may have been told too late.
    if (this.#isUntold) this.look()
    this.#isUntold = false
    this.#hasLapsed = false
    this.#vouchedAt = sentAt
    if (!this.#parts.embedded) this.#lapse.restart(sentAt)
  }

  /** The store answered a renewal: when that was sent, how many nodes live, and whether it waits for others yet. */
  heard(sentAt: Moment, { liveNodes, recoveryMs }: Pick<RenewReply, 'liveNodes' | 'recoveryMs'>): void {
    this.#heardAt = sentAt
    // A store that has lost its memory knows of those only that have come back so far: fewer would make shares larger.
    this.#nodes = Math.max(1, liveNodes, recoveryMs > 0 ? this.#nodes : 1)
  }

  /**
   * The node is about to give up its lease: what is still open loses its slot. For good, although an answer that says when
   * the lease was renewed may yet come.
   */
  end(): void {
    this.#isOver = true
    this.#lapse.stop()
  }

  /** Takes a connection on as debt if the policy lets it; `undefined` where it is not for this node to say. */
  admit(connection: HeldConnection, setByOperators: number | undefined): Slot | undefined {
    const { clock, events, held, policies } = this.#parts
    const { onStoreDown, storeDownTimeMs } = policies
    // A word or a time that is none must let nobody in.
    if (onStoreDown !== 'local' && onStoreDown !== 'allow') return undefined
    if (!this.#heardAt || this.#hasLapsed) return undefined
    if (this.mayCarryFrames?.() === false) return undefined
    if (!(elapsedMs(clock, this.#heardAt) <= storeDownTimeMs)) return undefined
    const { id, org, claim } = connection
    const inForce = setByOperators ?? claim.scopes[0].limit
    const reserved = reservedOf(inForce, claim.reserve)
    const limit = inForce - reserved
    const shareOf = (scope: ScopeClaim, i: number) => {
      // Half of the one connection that an instance may hold is none, and who names its instance would be locked out.
      if (scope.name === INSTANCE) return scope.limit
      return Math.floor((i === 0 ? limit : scope.limit) / this.#nodes)
    }
    const isFull = claim.scopes.some((scope, i) => held.heldIn(scope) >= shareOf(scope, i))
    if (onStoreDown === 'local' && isFull) return undefined
    const count = held.heldBy(org)
    connection.holdAsDebt()
    held.add(connection)
    events.emit('debt.taken', { connectionId: id, org, policy: onStoreDown })
    return { count: count + 1, limit, ...(reserved > 0 && { reserved }) }
  }

  /** An embedded store cannot outlive its node: no deadline there. */
  #isVouched(): boolean {
    const { clock, timing, embedded } = this.#parts
    if (this.#isOver) return false
    return embedded || (this.#vouchedAt !== undefined && elapsedMs(clock, this.#vouchedAt) < timing.trustMs)
  }

  /** The lease has been out of trust for as long as the policy bears. */
  #lapsed(): void {
    const { events, held } = this.#parts
    this.#hasLapsed = true
    events.emit('lease.lapsed', { closing: held.held().length })
    this.#closeAll('STORE_AWAY')
  }

  #closeAll(closing: ClosingCode): void {
    for (const connection of this.#parts.held.held()) connection.lose(closing)
  }
}
