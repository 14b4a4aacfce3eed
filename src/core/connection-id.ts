/** Short, growing and unique: growing members make removal from large sorted sets cheaper than random ones. */
export class ConnectionIds {
  #lease = Number.NaN
  /** Kept, because putting a number of this size into base 36 takes ten times as long as the rest. */
  #prefix = ''
  #counter = 0

  /** The next one, whatever the lease. */
  next(lease: number): string {
    if (lease !== this.#lease) {
      this.#lease = lease
      this.#prefix = `${lease.toString(36)}-`
    }
    return this.#prefix + (this.#counter++).toString(36)
  }
}

/** A lease and a counter, in base 36, as `ConnectionIds` makes them. */
const CONNECTION_ID = /^[0-9a-z]{1,10}-[0-9a-z]{1,11}$/

/** What does not look so was never given to anybody. */
export function isConnectionId(text: string): boolean {
  return CONNECTION_ID.test(text)
}

/** Whether a connection's id was made under this lease: each begins with its own. */
export function isMadeUnder(lease: number, id: string): boolean {
  return id.startsWith(`${lease.toString(36)}-`)
}
