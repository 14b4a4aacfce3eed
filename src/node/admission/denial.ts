import type { RefusalCode } from '../../core/closures.js'
import type { NodeEvents } from '../../core/events.js'
import { refusalOfScope } from '../../core/scopes.js'
import type { Claim, Verdict } from '../../store/lease-store.js'
import type { AdmissionOutcome } from '../queues/admission-queue.js'

export interface Denial {
  readonly code: RefusalCode
  readonly currentCount?: number
  readonly maxAllowed?: number
  readonly scope?: string
  readonly reserved?: number
  readonly freeInMs?: number
  readonly cause?: string
  /** Why a store that answers refused. */
  readonly refused?: NodeEvents['store.refused']['reason']
}

/** A failure of the store is never told as a quota or a bad credential. Who has left is not denied. */
export function denialOf(outcome: Exclude<AdmissionOutcome, { kind: 'abandoned' }>, { scopes }: Claim): Denial {
  switch (outcome.kind) {
    case 'decided':
      return denialByVerdict(outcome.verdict, scopes)
    case 'recovering':
      return { code: 'RECOVERING', ...(outcome.retryAfterMs !== undefined && { freeInMs: outcome.retryAfterMs }) }
    case 'unavailable':
      return { code: 'STORE_UNAVAILABLE', cause: outcome.cause }
  }
}

/** The scope for whose fullness a claim was denied, if it was for that. */
export function fullScope(outcome: AdmissionOutcome, { scopes }: Claim): Claim['scopes'][number] | undefined {
  if (outcome.kind !== 'decided' || outcome.verdict.admitted || outcome.verdict.reason !== 'full') return undefined
  return scopes[outcome.verdict.scope]
}

function denialByVerdict(verdict: Verdict, scopes: Claim['scopes']): Denial {
  if (verdict.admitted) throw new Error('an admission is no denial')
  if (verdict.reason !== 'full') {
    const { reason } = verdict
    return { code: 'STORE_UNAVAILABLE', cause: `the store refused: ${reason}`, refused: reason }
  }
  const { name } = scopes[verdict.scope] ?? scopes[0]
  return {
    code: refusalOfScope(name),
    currentCount: verdict.count,
    maxAllowed: verdict.limit,
    ...(verdict.scope > 0 && { scope: name }),
    ...(verdict.reserved !== undefined && { reserved: verdict.reserved }),
    ...(verdict.freeInMs !== undefined && { freeInMs: verdict.freeInMs }),
  }
}
