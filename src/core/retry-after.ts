/** What a refused client should wait when nothing is known of when a slot frees: the middle of the jittered base. */
const BASE_MS = 5_000

/** A crowd that is told when slots will be free comes back over this share of the wait: the longer, the more it is. */
const SPREAD_SHARE = 1 / 4
const MIN_SPREAD_MS = 1_000

/**
 * Milliseconds a refused client should wait. `freeInMs` is when the soonest holder that has missed a heartbeat would
 * be free. Without it a base, spread over ±50 %, so that a refused crowd does not come back as one.
 * `random` is in [0, 1).
 */
export function retryAfterMs(freeInMs: number | undefined, random: () => number): number {
  const expected = freeInMs ?? BASE_MS * 0.5
  const spread = freeInMs === undefined ? BASE_MS : Math.max(MIN_SPREAD_MS, freeInMs * SPREAD_SHARE)
  return Math.ceil(expected + random() * spread)
}

/**
 * A crowd that waits for one probe comes back over this time: more would be later than its slots are worth waiting for.
 */
const PROBE_SPREAD_MS = 500

/** The same where silent holders are being asked whether they are still there, and will have been in `probedInMs`. */
export function retryWhenProbedMs(probedInMs: number, random: () => number): number {
  return Math.ceil(probedInMs + random() * PROBE_SPREAD_MS)
}

/** `Retry-After` is an integer of seconds (RFC 9110 §10.2.3), and 0 would invite a spin. */
export function retryAfterSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000))
}
