import { UsageError } from './errors.js'

/** Throws `INVALID_LIMIT` for anything but a whole number from 0, or `Infinity`. */
export function checkLimit(limit: number): void {
  if (limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 0)) return
  throw new UsageError('INVALID_LIMIT', `a limit is a whole number from 0, or Infinity, not ${limit}`)
}

/** A limit as JSON and logs tell it, which have no infinity. */
export function shownLimit<Limit>(limit: Limit): Limit | 'unlimited' {
  return limit === Number.POSITIVE_INFINITY ? 'unlimited' : limit
}
