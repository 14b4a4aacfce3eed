/** What all members of one name have in common. */
interface Group<T> {
  readonly name: string | undefined
  size: number
  oldest: Place<T>
  newest: Place<T>
}

interface Place<T> {
  readonly member: T
  readonly group: Group<T>
  before: Place<T> | undefined
  after: Place<T> | undefined
  /** The next of its own group. */
  next: Place<T> | undefined
}

/**
 * First in, first out, with a bound. Members belong to groups, and where one is too many, the oldest of the group that
 * has most is dropped; of all members if that is of such a group. So however many come of one group, no other loses any
 * as long as it has fewer. No call costs more when it is long.
 */
export class FairQueue<T> {
  readonly #capacity: number
  readonly #groups = new Map<string | undefined, Group<T>>()
  /** The groups by how many they have. */
  readonly #bySize = new Map<number, Set<Group<T>>>()
  #most = 0
  #size = 0
  #oldest: Place<T> | undefined
  #newest: Place<T> | undefined

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#size
  }

  /** Returns the member that was dropped for this one, if one was. */
  push(member: T, name: string | undefined): T | undefined {
    const dropped = this.#size === this.#capacity ? this.#drop() : undefined
    const known = this.#groups.get(name)
    const group = known ?? ({ name, size: 0 } as Group<T>)
    const place = { member, group, before: this.#newest, after: undefined, next: undefined }
    if (this.#newest) this.#newest.after = place
    else this.#oldest = place
    if (known) known.newest.next = place
    else {
      group.oldest = place
      this.#groups.set(name, group)
    }
    this.#newest = place
    group.newest = place
    this.#count(group, 1)
    return dropped
  }

  /** Takes out at most `count`, the oldest first. */
  take(count: number): T[] {
    const taken: T[] = []
    while (taken.length < count && this.#oldest) taken.push(this.#takeOldest(this.#oldest.group))
    return taken
  }

  /** The newest first. */
  list(): T[] {
    const listed: T[] = []
    for (let place = this.#newest; place; place = place.before) listed.push(place.member)
    return listed
  }

  #drop(): T {
    const oldest = this.#oldest!.group
    const [first] = this.#bySize.get(this.#most)!
    return this.#takeOldest(oldest.size === this.#most ? oldest : first!)
  }

  #takeOldest(group: Group<T>): T {
    const { member, before, after, next } = group.oldest
    if (before) before.after = after
    else this.#oldest = after
    if (after) after.before = before
    else this.#newest = before
    if (next) group.oldest = next
    else this.#groups.delete(group.name)
    this.#count(group, -1)
    return member
  }

  #count(group: Group<T>, by: 1 | -1): void {
    const left = this.#bySize.get(group.size)
    if (left?.delete(group) && left.size === 0) this.#bySize.delete(group.size)
    group.size += by
    this.#size += by
    if (group.size > 0) {
      const joined = this.#bySize.get(group.size) ?? new Set()
      this.#bySize.set(group.size, joined.add(group))
    }
    // Sizes change by one, so where none has most any more, the one that had it has one less.
    if (group.size > this.#most || !this.#bySize.has(this.#most)) this.#most = group.size
  }
}
