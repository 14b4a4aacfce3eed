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

/** A random key for signatures: what nobody guesses. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}
