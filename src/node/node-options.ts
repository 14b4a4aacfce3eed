import type { Clock } from '../core/clock.js'
import type { EventBus } from '../core/events.js'
import type { LeaseTiming } from '../core/lease-timing.js'
import type { Policies } from '../core/policies.js'
import type { LeaseStore } from '../store/lease-store.js'
import type { ClaimDefaults } from './held/claim-of.js'
import type { ClosingPace } from './orders/closing-pace.js'
import type { WaitingRoom } from './probing/waiting-room.js'

export interface LimiterNodeOptions extends ClaimDefaults {
  readonly store: LeaseStore
  readonly timing: LeaseTiming
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** What operators see of this node. */
  readonly name: string
  /** RFC 3339; now where absent. */
  readonly startedAt?: string
  /** What resume tokens are signed with, the same on all nodes; one that the store hands out where absent. */
  readonly resumeSecret?: string | undefined
  /** What a silent peer has to answer when somebody needs its slot, in ms; 1,000 where absent, 0 to ask none. */
  readonly probeTimeoutMs?: number | undefined
  /** These two are shared by the nodes of a process; each has its own where they are absent. */
  readonly waitingRoom?: WaitingRoom
  readonly closingPace?: ClosingPace
  readonly events?: EventBus
  readonly policies?: Partial<Policies>
}
