/** An org as it is told to people or programs. */
interface Told {
  readonly orgId: string
  readonly currentCount: number
  /** No number where there is no limit, or where nobody who was asked knows it. */
  readonly maxAllowed: number | 'unlimited' | null
}

/** The share of its limit that an org holds: 1 or more when it is full; `undefined` where no limit is told. */
export function utilisation({ currentCount, maxAllowed }: Omit<Told, 'orgId'>): number | undefined {
  if (typeof maxAllowed !== 'number') return undefined
  // What may hold nothing is full, and the more it holds the worse.
  return maxAllowed === 0 ? 1 + currentCount : currentCount / maxAllowed
}

/** The fullest first; of equally full ones those that hold more, then by name. */
export function byUtilisation(one: Told, other: Told): number {
  const fuller = (utilisation(other) ?? 0) - (utilisation(one) ?? 0) || other.currentCount - one.currentCount
  return fuller || (one.orgId < other.orgId ? -1 : 1)
}

/** The fullest so many, the fullest first. Each org once. */
export function fullest<T extends Told>(stats: Iterable<T>, most: number): T[] {
  const byOrg = new Map([...stats].map((each) => [each.orgId, each]))
  return [...byOrg.values()].sort(byUtilisation).slice(0, most)
}
