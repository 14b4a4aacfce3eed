import { UsageError } from './errors.js'
import type { Policies } from './policies.js'

/** The times of a lease, all in milliseconds, derived once from the settings and checked against each other. */
export interface LeaseTiming {
  /** T: how long a lease lives without renewal, on the store's clock. */
  readonly ttlMs: number
  /** R: how often a node renews. */
  readonly renewIntervalMs: number
  /** C: the deadline of one store call. */
  readonly callTimeoutMs: number
  /**
   * How long an admission waits for its decision: C, and a moment more. A call that was sent at once ends first then,
   * and whoever gives up knows already that the store is away, so that the policy for that is asked (R2).
   */
  readonly admissionTimeoutMs: number
  /** The most that one renewal may advance the store's clock, so that neither a jump nor a freeze expires anybody. */
  readonly clockStepCapMs: number
  /** D: how long after the last successful renewal was sent the node may still trust its lease. */
  readonly trustMs: number
  /** After how long without a renewal a lease counts as late: it has missed a beat by half an interval. */
  readonly lateAfterMs: number
  /**
   * How long admissions wait at least after the store lost its memory, on the store's clock: 2R and more, so that nodes
   * come back meanwhile; under `close` T, so that those that cannot have closed everything.
   */
  readonly recoveryMs: number
  /** How long they wait at most for nodes that have not reasserted. */
  readonly recoveryLimitMs: number
}

export interface LeaseSettings {
  ttlMs: number
  renewIntervalMs: number
  callTimeoutMs: number
  /** What becomes of open connections at D; `rejoin` where absent. */
  onLeaseLost?: Policies['onLeaseLost'] | undefined
}

/** Room for clock rates that differ by up to 10⁻³ and for the rounding of a renewal's age. */
const MARGIN_SHARE = 1 / 30
const STEP_ALLOWANCE_MS = 500
const BEHIND_CALLS_MS = 10

/**
 * D = T − cap − margin: one anomalous step of the store's clock may eat `cap` of a lease, never more.
 * Throws `INVALID_SETTINGS` where one of them is no time at all, because a node would then renew without pause or give
 * up each call as it is made; and where R·1.2 + C ≥ D, because it could then lose trust between two good renewals.
 */
export function leaseTiming(settings: LeaseSettings): LeaseTiming {
  const { ttlMs, renewIntervalMs, callTimeoutMs, onLeaseLost = 'rejoin' } = settings
  if (!(ttlMs > 0 && renewIntervalMs > 0 && callTimeoutMs > 0 && ttlMs < Number.POSITIVE_INFINITY)) {
    throw new UsageError(
      'INVALID_SETTINGS',
      `lease, renew interval and call timeout are finite times above 0, not ${ttlMs}, ${renewIntervalMs} and ${callTimeoutMs} ms`,
    )
  }
  const clockStepCapMs = renewIntervalMs + Math.min(STEP_ALLOWANCE_MS, renewIntervalMs)
  const trustMs = Math.floor(ttlMs - clockStepCapMs - ttlMs * MARGIN_SHARE)
  if (!(renewIntervalMs * 1.2 + callTimeoutMs < trustMs)) {
    throw new UsageError(
      'INVALID_SETTINGS',
      `a lease of ${ttlMs} ms renewed every ${renewIntervalMs} ms with calls of up to ${callTimeoutMs} ms leaves no room ` +
        `for a late renewal; make the lease at least four renew intervals plus the call timeout long`,
    )
  }
  return {
    ttlMs,
    renewIntervalMs,
    callTimeoutMs,
    admissionTimeoutMs: callTimeoutMs + BEHIND_CALLS_MS,
    clockStepCapMs,
    trustMs,
    lateAfterMs: lateAfter(renewIntervalMs),
    // One anomalous step may eat `cap` of the wait: what is left must do for every node's next renewal and its hello, or
    // for D and the closing after it.
    recoveryMs: Math.max(
      2 * renewIntervalMs,
      Math.ceil(clockStepCapMs + (4 / 3) * renewIntervalMs),
      onLeaseLost === 'rejoin' ? 0 : ttlMs,
    ),
    recoveryLimitMs: ttlMs + renewIntervalMs,
  }
}

/** After how long without a renewal a lease that is renewed so often counts as late, in ms. */
export function lateAfter(renewIntervalMs: number): number {
  return Math.round(renewIntervalMs * 1.5)
}
