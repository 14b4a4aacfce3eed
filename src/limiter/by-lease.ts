interface Leaseholder {
  readonly lease: number
  /** Where it has several: all of them. */
  readonly leases?: readonly number[] | undefined
}

export function leasesOf({ lease, leases = [lease] }: Leaseholder): readonly number[] {
  return leases
}

/** Each node under every lease that it has: a slot may hang on any of them. */
export function byLease<Node extends Leaseholder>(nodes: Iterable<Node>): ReadonlyMap<number, Node> {
  return new Map([...nodes].flatMap((node) => leasesOf(node).map((lease) => [lease, node])))
}
