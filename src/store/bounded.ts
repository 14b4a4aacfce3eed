import { MAX_ITEMS } from './lease-store.js'

/** The number of `items`. Throws a RangeError above `MAX_ITEMS`: a caller that asks for more has a bug. */
export function bounded(items: readonly unknown[]): number {
  if (items.length > MAX_ITEMS) throw new RangeError(`${items.length} items in one call, at most ${MAX_ITEMS}`)
  return items.length
}
