import type { Clock, Moment } from '../core/clock.js'
import type { EventBus } from '../core/events.js'
import type { LeaseTiming } from '../core/lease-timing.js'
import type { LeaseStore, RenewReply } from '../store/lease-store.js'
import type { AdmissionQueue } from './admission-queue.js'
import type { HeldConnections } from './held-connections.js'
import type { Overrides } from './overrides.js'
import type { ReleaseQueue } from './release-queue.js'
import type { Session } from './session.js'

export interface KeeperParts {
  readonly store: LeaseStore
  readonly timing: LeaseTiming
  readonly clock: Clock
  readonly random: () => number
  readonly events: EventBus
  readonly held: HeldConnections
  readonly admissions: AdmissionQueue
  readonly releases: ReleaseQueue
  readonly overrides: Overrides
  readonly nodeInfo: string
  /** Told at every hello what resume tokens of the cluster are signed with. */
  readonly onSecret: (secret: string) => void
  /** Told of every hello that was answered when it was sent. */
  readonly onJoined: (sentAt: Moment) => void
  /** Told of every renewal, when it was sent, and which leases are dead and not yet swept. */
  readonly onRenewed: (session: Session, sentAt: Moment, reply: RenewReply) => void
}
