import type { LeaseTiming } from '../../core/lease-timing.js'
import { jittered, latestJittered } from './jitter.js'

interface Pace {
  readonly timing: LeaseTiming
  /** In [0, 1). */
  readonly random: () => number
}

const FIRST_BACKOFF_MS = 25
/** While the store recovers, a node asks at most so often within a renew interval whether that is over. */
export const LOOKS_A_RENEWAL = 15

/**
 * How long until the next renewal: R ± 10 %. While the store recovers, the renewal that ends it should come just after
 * the wait; but who waits for a straggler must not spin, however short the store says the wait is.
 */
export function renewPauseMs({ timing, random }: Pace, recoveryMs: number): number {
  const usual = jittered(timing.renewIntervalMs, random)
  return recoveryMs > 0 ? Math.min(usual, Math.max(recoveryMs + 20, timing.renewIntervalMs / LOOKS_A_RENEWAL)) : usual
}

/** How long the next renewal of whatever node may take to come. */
export function latestRenewalMs({ renewIntervalMs }: LeaseTiming): number {
  return latestJittered(renewIntervalMs)
}

/**
 * How long to wait before the next try, from the second failure in a row on: doubled each time, never longer than R.
 */
export function backoffMs({ timing, random }: Pace, failures: number): number {
  const ceiling = Math.min(timing.renewIntervalMs, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 2, 20))
  return ceiling * (0.5 + random() / 2)
}
