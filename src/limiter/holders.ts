import { UsageError } from '../core/errors.js'
import { checkGiven } from '../core/given.js'
import { type Details, decodeDetails } from '../node/held/details.js'
import { MAX_HOLDERS } from '../node/orders/holders.js'
import type { Holder, ScopeRef } from '../store/lease-store.js'

/** So many holders are told where nobody asks for more or fewer. */
export const HOLDERS_TOLD = 1_000

/** What a holder of a slot told when it connected, and which lease it hangs on. */
export interface HolderStats extends Details {
  readonly connectionId: string
  readonly lease: number
  /** What it counts against beside its org. */
  readonly scopes: readonly ScopeRef[]
  /**
   * The name of the node that its lease belongs to; absent where nobody asked for it, where that has come or gone at
   * this very moment, and where the store has told the connections and then not the nodes.
   */
  readonly node?: string
}

/** Who holds the slots of an org. */
export interface FoundHolders {
  readonly orgId: string
  readonly connections: readonly HolderStats[]
  /** The org holds more than were asked for. */
  readonly truncated: boolean
}

export interface HoldersOptions {
  /** A whole number from 1 to 10,000; 1,000 where absent. */
  readonly atMost?: number | undefined
}

/** How many to tell. Throws `INVALID_SETTINGS` for an option that is none, and for a number that cannot be told. */
export function mostHolders(options: HoldersOptions): number {
  checkGiven(options, { kinds: { atMost: 'number' } })
  const { atMost = HOLDERS_TOLD } = options
  if (Number.isInteger(atMost) && atMost >= 1 && atMost <= MAX_HOLDERS) return atMost
  throw new UsageError('INVALID_SETTINGS', `atMost is a whole number from 1 to ${MAX_HOLDERS}, not ${atMost}`)
}

export function holderStats({ id, lease, scopes, details }: Holder): HolderStats {
  return { connectionId: id, lease, ...decodeDetails(details), scopes: scopes.slice(1) }
}
