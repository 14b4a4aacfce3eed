import { UsageError } from './errors.js'
import { shown } from './shown.js'
import { type Optional, withDefaults } from './with-defaults.js'

/** The words of each policy; whoever reads one from outside takes them from here. */
export const ON_STORE_DOWN = ['deny', 'local', 'allow'] as const
export const ON_LEASE_LOST = ['rejoin', 'close'] as const
export const ON_LIMIT_LOWERED = ['keep', 'newest', 'oldest'] as const

/** What a node does when the store or its lease is away. Defaults keep every promise but availability. */
export interface Policies {
  /**
   * Who is admitted while the store does not answer: nobody (`deny`); as many per org and node as the org's limit
   * divided by the nodes last known (`local`); everybody (`allow`). The latter two for at most `storeDownTimeMs`. `deny`
   * where absent.
   */
  readonly onStoreDown: (typeof ON_STORE_DOWN)[number]
  /**
   * How long `local` and `allow` admit after the store was last heard, in ms; 300,000 where absent, `Infinity` for
   * without end.
   */
  readonly storeDownTimeMs: number
  /**
   * What becomes of open connections once the lease can no longer be trusted: they stay and are reasserted (`rejoin`),
   * or are closed at the lease's deadline, and no frame passes after it (`close`). `rejoin` where absent.
   */
  readonly onLeaseLost: (typeof ON_LEASE_LOST)[number]
  /** Under `rejoin`: how long connections outlive the lease's deadline, in ms; `Infinity`, the default, for without end. */
  readonly orphanTimeMs: number
  /**
   * What becomes of the surplus where an org holds more than it may, because its limit was lowered, the store lost its
   * memory or several primaries had admitted: it stays until enough have left by themselves (`keep`), or exactly as many
   * as there are too many are closed, those that came last (`newest`) or first (`oldest`). `keep` where absent.
   */
  readonly onLimitLowered: (typeof ON_LIMIT_LOWERED)[number]
}

export const DEFAULT_POLICIES: Policies = {
  onStoreDown: 'deny',
  storeDownTimeMs: 300_000,
  onLeaseLost: 'rejoin',
  orphanTimeMs: Number.POSITIVE_INFINITY,
  onLimitLowered: 'keep',
}

const WORDS = { onStoreDown: ON_STORE_DOWN, onLeaseLost: ON_LEASE_LOST, onLimitLowered: ON_LIMIT_LOWERED } as const
const TIMES = ['storeDownTimeMs', 'orphanTimeMs'] as const

/** Absent or undefined is the default. Throws `INVALID_SETTINGS` with the name, the value and what is accepted. */
export function resolvePolicies(given: Optional<Policies> = {}): Policies {
  const policies = withDefaults(DEFAULT_POLICIES, given)
  for (const [name, words] of Object.entries(WORDS)) {
    const said = policies[name as keyof typeof WORDS]
    if (!words.some((word) => word === said)) throw wrong(name, `one of ${words.join(', ')}`, said)
  }
  for (const name of TIMES) {
    const ms: unknown = policies[name]
    if (!(typeof ms === 'number' && ms >= 0)) throw wrong(name, 'a time from 0 ms, or Infinity', ms)
  }
  return policies
}

function wrong(name: string, accepted: string, value: unknown): UsageError {
  return new UsageError('INVALID_SETTINGS', `policies.${name} is ${accepted}, not ${shown(value)}`)
}
