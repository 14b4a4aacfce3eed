import { randomBytes } from 'node:crypto'

/**
 * Leases are random integers below 2^46: exact as a score of a sorted set, exact in Lua's `%.14g`, and so rare to
 * repeat that a lease from before a wipe is never mistaken for one from after it.
 */
export const LEASE_LIMIT = 2 ** 46

export function newLease(): number {
  // 0 is kept free: it means "no lease".
  return (randomBytes(6).readUIntBE(0, 6) % (LEASE_LIMIT - 1)) + 1
}

/** A random name for one life of the store. */
export function newEpoch(): string {
  return randomBytes(6).toString('hex')
}

/** Whether a connection's id was made under this lease: each begins with its own. */
export function isMadeUnder(lease: number, id: string): boolean {
  return id.startsWith(`${lease.toString(36)}-`)
}

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
