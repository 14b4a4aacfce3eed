import type { OrgStats } from './org-stats.js'

/** The share of its limit that an org holds: 1 or more when it is full, 0 when it is unlimited. */
export function utilisation({ currentCount, maxAllowed }: OrgStats): number {
  return maxAllowed === 0 ? 1 + currentCount : currentCount / maxAllowed
}

/** The fullest so many, the fullest first; of equally full ones those that hold more, then by name. Each org once. */
export function fullest(stats: Iterable<OrgStats>, most: number): OrgStats[] {
  const byOrg = new Map([...stats].map((each) => [each.orgId, each]))
  return [...byOrg.values()].sort(byUtilisation).slice(0, most)
}

function byUtilisation(one: OrgStats, other: OrgStats): number {
  const fuller = utilisation(other) - utilisation(one) || other.currentCount - one.currentCount
  return fuller || (one.orgId < other.orgId ? -1 : 1)
}
