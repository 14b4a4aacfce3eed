import type { AdmissionRequest } from '../../core/admission.js'
import type { EventBus } from '../../core/events.js'
import { checkLimit } from '../../core/limits.js'
import type { Tiers } from '../../core/tiers.js'

export interface DefaultLimits {
  /** The limit of an org for which neither the request nor an operator says another. */
  readonly connectionsPerOrg: number
  /** Limits by name, for requests that name a tier; without it such requests have the default. */
  readonly tiers?: Tiers | undefined
}

/**
 * The limit of an org for which no operator has set another: the request's own, else that of its tier, else the
 * default. Throws `INVALID_LIMIT` for a limit that is none. A tier that is none counts as the lowest: nobody is shut
 * out for a slip in a name, and nobody gains by one.
 */
export function requestLimit(
  { org, limit, tier }: Pick<AdmissionRequest, 'org' | 'limit' | 'tier'>,
  { connectionsPerOrg, tiers }: DefaultLimits,
  events?: EventBus,
): number {
  if (limit !== undefined) {
    checkLimit(limit)
    return limit
  }
  if (tier === undefined || tiers === undefined) return connectionsPerOrg
  const ofTier = tiers.limitOf(tier)
  if (ofTier !== undefined) return ofTier
  events?.emit('tier.unknown', { org, tier, fallback: tiers.lowest })
  return tiers.limitOf(tiers.lowest)!
}
