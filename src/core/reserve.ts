import { UsageError } from './errors.js'
import { shown } from './shown.js'

/**
 * What of an org's limit is kept for those that have priority: so many slots, or so many percent of whatever the limit
 * is, rounded down. As with PostgreSQL's `superuser_reserved_connections`, the others are refused when no more than
 * these are free, whoever holds the rest.
 */
export type Reserve = { readonly slots: number } | { readonly percent: number }

/** In slots, never more than the limit. No limit keeps nothing: there is room for everybody. */
export function reservedOf(limit: number, reserve: Reserve | undefined): number {
  if (reserve === undefined || limit === Number.POSITIVE_INFINITY) return 0
  return 'slots' in reserve ? Math.min(limit, reserve.slots) : Math.floor((limit * reserve.percent) / 100)
}

/** Throws `INVALID_SETTINGS` for what is neither a whole number of slots nor of percent. */
export function checkReserve(reserve: Reserve): void {
  const { slots, percent } = reserve as { readonly slots?: number; readonly percent?: number }
  const [share, most] = slots === undefined ? [percent, 100] : [slots, Number.MAX_SAFE_INTEGER]
  const isOne = (slots === undefined) !== (percent === undefined)
  if (isOne && Number.isSafeInteger(share) && share! >= 0 && share! <= most) return
  const given = Object.entries(reserve).map(([name, value]) => ` ${name}: ${shown(value)}`)
  throw new UsageError(
    'INVALID_SETTINGS',
    `what is reserved is { slots: a whole number } or { percent: a whole number to 100 }, not {${given} }`,
  )
}

/**
 * Throws `INVALID_SETTINGS` for what is neither true nor false: 'false' and '0' are true to a program, and would open what is
 * reserved. Null, as columns have it that say nothing, is no priority.
 */
export function checkPriority(priority: unknown): void {
  if (typeof priority === 'boolean' || (priority ?? undefined) === undefined) return
  throw new UsageError('INVALID_SETTINGS', `priority is true or false, not ${shown(priority)}`)
}
