import type { Org } from './source.js'

/** 1 for a full org, more where it holds too many; `undefined` where there is no limit or only nodes know it. */
export function shareOf({ currentCount, maxAllowed }: Org): number | undefined {
  if (typeof maxAllowed !== 'number') return undefined
  // What may hold nothing is full, and the more it holds the worse.
  return maxAllowed === 0 ? 1 + currentCount : currentCount / maxAllowed
}

/** The fullest first; of equally full ones those that hold more, then by name. */
export function byUtilisation(one: Org, other: Org): number {
  const fuller = (shareOf(other) ?? 0) - (shareOf(one) ?? 0) || other.currentCount - one.currentCount
  return fuller || (one.orgId < other.orgId ? -1 : 1)
}
