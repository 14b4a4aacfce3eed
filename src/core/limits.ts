import { UsageError } from './errors.js'
import { shown } from './shown.js'

/** Throws `INVALID_LIMIT` for anything but a whole number from 0, or `Infinity`; `what` says which limit that is. */
export function checkLimit(limit: unknown, what = 'a limit'): void {
  if (limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && (limit as number) >= 0)) return
  throw new UsageError('INVALID_LIMIT', `${what} is a whole number from 0, or Infinity, not ${shown(limit)}`)
}

/** A limit as JSON and logs tell it, which have no infinity. */
export function shownLimit<Limit>(limit: Limit): Limit | 'unlimited' {
  return limit === Number.POSITIVE_INFINITY ? 'unlimited' : limit
}
