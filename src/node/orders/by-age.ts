import type { Holder } from '../../store/lease-store.js'
import { decodeDetails } from '../held/details.js'

/**
 * The ids of holders in the order of their ages, as they told them when they connected, by the clocks of their nodes:
 * good enough to choose who goes. Who tells none counts as the oldest.
 */
export function byAge(holders: readonly Holder[], first: 'newest' | 'oldest'): string[] {
  const sign = first === 'oldest' ? 1 : -1
  return holders
    .map(({ id, details }) => ({ id, since: decodeDetails(details).since ?? '' }))
    .sort((one, other) => sign * (compared(one.since, other.since) || compared(serial(one.id), serial(other.id))))
    .map(({ id }) => id)
}

/** Ids of one node end in a counter; within a millisecond it tells who was first. */
function serial(id: string): number {
  return Number.parseInt(id.slice(id.lastIndexOf('-') + 1), 36) || 0
}

function compared<T extends string | number>(one: T, other: T): number {
  return one < other ? -1 : one > other ? 1 : 0
}
