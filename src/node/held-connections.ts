import type { HeldConnection } from './held-connection.js'

/**
 * The connections of this node: the only mutable state about them, and the truth that the store is made equal to.
 * A connection is listed from before its slot is asked for until its release has been handed on.
 */
export class HeldConnections {
  readonly #all = new Map<string, HeldConnection>()
  #whenEmpty: (() => void)[] = []

  get size(): number {
    return this.#all.size
  }

  add(connection: HeldConnection): void {
    this.#all.set(connection.id, connection)
  }

  remove(connection: HeldConnection): void {
    connection.state = 'gone'
    this.#all.delete(connection.id)
    if (this.#all.size > 0) return
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  has(id: string): boolean {
    return this.#all.has(id)
  }

  /** Those that hold a slot, the oldest first. */
  held(): HeldConnection[] {
    return [...this.#all.values()]
      .filter((connection) => connection.state === 'held')
      .sort((one, other) => one.sinceMs - other.sinceMs)
  }

  /** How many slots an org has here. Looks at every connection: for rare questions only. */
  heldBy(org: string): number {
    let count = 0
    for (const connection of this.#all.values()) {
      if (connection.state === 'held' && connection.org === org) count++
    }
    return count
  }

  /** Resolves when no connection is left; the caller brings the deadline. */
  whenEmpty(): Promise<void> {
    return this.#all.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve))
  }
}
