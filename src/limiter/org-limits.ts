import { keptTerms, type LimitDetails } from '../node/limits/limit-terms.js'
import type { OrgOverrides, OverrideKind } from '../store/override-records.js'
import type { OrgStats } from './cluster-stats.js'

/** Something an operator has set for an org, and on which terms. */
export interface SetLimit extends Partial<LimitDetails> {
  /** `Infinity` for unlimited. */
  readonly limit: number
}

/** What an org holds and may hold, and why. */
export interface OrgLimits extends OrgStats {
  readonly limitFrom: 'override' | 'tier' | 'default'
  /** The tier that the org is in: as an operator has set it, else by its credentials where those are known here. */
  readonly tier: string | undefined
  /** The operator's exception, while there is one; it wins over every tier. */
  readonly override: SetLimit | undefined
  /** The tier that an operator has put the org in, while there is one; it wins over the tier of the credentials. */
  readonly assignedTier: SetLimit | undefined
}

/** `inForce` is the number in force of what operators have set. */
export function orgLimits(
  stats: OrgStats,
  set: OrgOverrides,
  inForce: number | undefined,
  tierByCredentials: string | undefined,
): OrgLimits {
  const assignedTier = setLimit(set, 'tier')
  // What stands in no record that can be read is in force all the same, and whoever clears the override ends it.
  const unread = inForce === undefined || inForce === assignedTier?.limit ? undefined : { limit: inForce }
  const override = setLimit(set, 'override') ?? unread
  const tier = assignedTier ? assignedTier.tier : tierByCredentials
  // Whoever has put it in a tier without saying in which has given it that limit all the same.
  const limitFrom = override ? 'override' : assignedTier || tier !== undefined ? 'tier' : 'default'
  return { ...stats, limitFrom, tier, override, assignedTier }
}

function setLimit(set: OrgOverrides, kind: OverrideKind): SetLimit | undefined {
  const record = set[kind]
  return record?.limit === undefined ? undefined : { limit: record.limit, ...keptTerms(record.details) }
}
