import type { Clock } from '../core/clock.js'
import type { EventBus } from '../core/events.js'
import type { LeaseTiming } from '../core/lease-timing.js'
import type { Tiers } from '../core/tiers.js'
import type { LeaseStore } from '../store/lease-store.js'
import type { ScopeLimits } from './claim-of.js'
import type { Policies } from './policies.js'

export interface LimiterNodeOptions {
  readonly store: LeaseStore
  readonly timing: LeaseTiming
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** The limit of an org for which neither the request nor an operator says another. */
  readonly connectionsPerOrg: number
  /** What connections count against beside their org. */
  readonly limits?: ScopeLimits
  /** Limits by name, for requests that name a tier; without it such requests have the default. */
  readonly tiers?: Tiers
  /** What operators see of this node. */
  readonly name: string
  /** RFC 3339; now where absent. */
  readonly startedAt?: string
  /** What resume tokens are signed with, the same on all nodes; one that the store hands out where absent. */
  readonly resumeSecret?: string | undefined
  /** What a silent peer has to answer when somebody needs its slot, in ms; 1,000 where absent, 0 to ask none. */
  readonly probeTimeoutMs?: number | undefined
  readonly events?: EventBus
  readonly policies?: Partial<Policies>
}
