import type { Clock } from '../../core/clock.js'

/** A moment as both clocks saw it. */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }
}

/**
 * Milliseconds passed since `since`, by whichever clock has advanced more. The monotonic clock stands still in a
 * suspended machine and the wall clock may be set back; a lease deadline must believe the more pessimistic of both.
 */
export function elapsedMs(clock: Clock, since: Moment): number {
  return Math.max(clock.monotonicMs() - since.monotonicMs, clock.wallMs() - since.wallMs)
}
