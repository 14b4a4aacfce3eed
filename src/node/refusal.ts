import type { RefusalCode } from '../core/closures.js'
import type { Verdict } from '../store/lease-store.js'
import type { AdmissionOutcome } from './admission-queue.js'

export interface Refusal {
  readonly code: RefusalCode
  readonly currentCount?: number
  readonly maxAllowed?: number
  readonly freeInMs?: number
  readonly cause?: string
}

/** A failure of the store is never told as a quota or a bad credential. Who has left is not refused. */
export function refusalOf(outcome: Exclude<AdmissionOutcome, { kind: 'abandoned' }>): Refusal {
  switch (outcome.kind) {
    case 'decided':
      return refusalByVerdict(outcome.verdict)
    case 'recovering':
      return { code: 'RECOVERING', ...(outcome.retryAfterMs !== undefined && { freeInMs: outcome.retryAfterMs }) }
    case 'unavailable':
      return { code: 'STORE_UNAVAILABLE', cause: outcome.cause }
  }
}

function refusalByVerdict(verdict: Verdict): Refusal {
  if (verdict.admitted) throw new Error('an admission is no refusal')
  if (verdict.reason !== 'full') return { code: 'STORE_UNAVAILABLE', cause: `the store refused: ${verdict.reason}` }
  return {
    code: verdict.scope === 0 ? 'ORG_CONNECTION_LIMIT_EXCEEDED' : 'SCOPE_CONNECTION_LIMIT_EXCEEDED',
    currentCount: verdict.count,
    maxAllowed: verdict.limit,
    ...(verdict.freeInMs !== undefined && { freeInMs: verdict.freeInMs }),
  }
}
