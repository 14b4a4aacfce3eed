import type { Holder } from '../../store/lease-store.js'
import { decodeDetails } from '../held/details.js'

/** So many holders of an org are looked at in one call. */
export const MAX_HOLDERS = 10_000

/**
 * The highest limit of their org that holders came with, as they told it: no admission under it made an excess,
 * whatever the others came with. `Infinity` where one tells none, since that may have come with any.
 */
export function highestLimit(holders: readonly Holder[]): number {
  return holders.reduce(
    (highest, { details }) => Math.max(highest, decodeDetails(details).limit ?? Number.POSITIVE_INFINITY),
    0,
  )
}
