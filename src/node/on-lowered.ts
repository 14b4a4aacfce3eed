import { UsageError } from '../core/errors.js'
import type { SetTerms } from './limit-terms.js'
import type { Policies } from './policies.js'

export interface SurplusTerms {
  /** What becomes of what the org holds above the new limit, now; the node's policy where absent. Not kept. */
  readonly onLowered?: Policies['onLimitLowered']
}

export type SetLimitTerms = SetTerms & SurplusTerms

const ACCEPTED: readonly Policies['onLimitLowered'][] = ['keep', 'newest', 'oldest']

/** Throws `INVALID_TERMS` for what is no policy. */
export function checkOnLowered(onLowered: unknown): asserts onLowered is Policies['onLimitLowered'] {
  if (ACCEPTED.some((one) => one === onLowered)) return
  throw new UsageError(
    'INVALID_TERMS',
    `"onLowered" is one of ${ACCEPTED.join(', ')}, not ${JSON.stringify(onLowered)}`,
  )
}
