/** What is in a bag knows its place there, which is the bag's to set. It is in one bag at a time. */
export interface Bagged {
  place: number
}

/** A set without an order, for which nothing is allocated when members come and go (ADR 23). */
export class Bag<T extends Bagged> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  /** As they are now, to be read only. From its end it may be gone through while members leave. */
  get members(): readonly T[] {
    return this.#members
  }

  /** The member must not be in it. */
  add(member: T): void {
    member.place = this.#members.push(member) - 1
  }

  /** The member must be in it. The last one takes its place. */
  remove(member: T): void {
    const last = this.#members.pop()!
    if (last === member) return
    this.#members[member.place] = last
    last.place = member.place
  }
}
