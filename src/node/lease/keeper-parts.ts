import type { Clock } from '../../core/clock.js'
import type { EventBus } from '../../core/events.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { LeaseStore, RenewReply } from '../../store/lease-store.js'
import type { HeldConnections } from '../held/held-connections.js'
import type { Moment } from './moment.js'
import type { Session } from './session.js'

/** Claims that wait for a session in which they can be asked. */
interface WaitingClaims {
  /** The store is there again, and is being told of what is open. */
  opening(): void
  open(session: Session): void
  /** `rejoining` where the store is there, as far as is known, and has to be told of what is open. */
  close(rejoining: boolean): void
}

/** Slots that wait for a session in which they can be given back. */
interface WaitingSlots {
  open(session: Session): void
  close(): void
  /** Their lease is dead: they are swept with it. */
  forget(): void
}

/** What operators have set, as far as this node knows. */
interface KnownOverrides {
  readonly size: number
  /** Writes them back where the store has lost them. False if the session ended over it. */
  restore(session: Session, betweenChunks: () => Promise<void>): Promise<boolean>
}

/** What a lease is kept with, and who is told of its life. */
export interface KeeperParts {
  readonly store: LeaseStore
  readonly timing: LeaseTiming
  readonly clock: Clock
  readonly random: () => number
  readonly events: EventBus
  readonly held: HeldConnections
  readonly admissions: WaitingClaims
  readonly releases: WaitingSlots
  readonly overrides: KnownOverrides
  readonly nodeInfo: string
  /** Told at every hello what resume tokens of the cluster are signed with. */
  readonly onSecret: (secret: string) => void
  /** Told at every hello what the store does when memory runs out. */
  readonly onPolicy: (evictionPolicy: string) => void
  /** Told when the last hello or renewal was sent that was answered by a store that knows of all that is open. */
  readonly onVouched: (sentAt: Moment) => void
  /** Told before each page of what is open is told to the store, so that what is to be closed by then is. */
  readonly onTelling: () => void
  /** Told of every renewal, when it was sent, and which leases are dead and not yet swept. */
  readonly onRenewed: (session: Session, sentAt: Moment, reply: RenewReply) => void
}
