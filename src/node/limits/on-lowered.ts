import { UsageError } from '../../core/errors.js'
import { ON_LIMIT_LOWERED, type Policies } from '../../core/policies.js'
import { shown } from '../../core/shown.js'

export interface SurplusTerms {
  /**
   * What becomes of what the org holds above the limit, now and as long as the limit stands; where absent the policy of
   * the node that finds it.
   */
  readonly onLowered?: Policies['onLimitLowered'] | undefined
}

/** Throws `INVALID_TERMS` for what is no policy. */
export function checkOnLowered(onLowered: unknown): asserts onLowered is Policies['onLimitLowered'] {
  if (ON_LIMIT_LOWERED.some((one) => one === onLowered)) return
  throw new UsageError('INVALID_TERMS', `"onLowered" is one of ${ON_LIMIT_LOWERED.join(', ')}, not ${shown(onLowered)}`)
}
