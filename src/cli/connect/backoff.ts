const FIRST_MS = 1_000
const LONGEST_MS = 60_000

/**
 * WSO2's gateway takes these as final and exits; whoever knocks again would be answered the same. The last two are 401
 * and 403 as close codes.
 */
const PERMANENT = [401, 403, 404, 409, 422, 4401, 4403]

export function isPermanent(status: number): boolean {
  return PERMANENT.includes(status)
}

/**
 * Milliseconds to wait before the next attempt after `failures` in a row (0 after a connection that had lasted): evenly
 * spread from 0 to a bound that doubles from 1 s to 60 s, so that a crowd that lost its node does not come back as one.
 * Never shorter than `retryAfterMs`. `random` is in [0, 1).
 */
export function retryDelayMs(failures: number, retryAfterMs: number | undefined, random: () => number): number {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10))
  return Math.max(Math.ceil(random() * bound), retryAfterMs ?? 0)
}
