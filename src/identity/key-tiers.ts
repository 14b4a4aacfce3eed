import type { Tiers } from '../core/tiers.js'
import type { Log } from '../observe/log.js'
import type { KeyEntry } from './key-file-schema.js'
import { keyIdOf } from './key-ring.js'

/**
 * The same keys, each in a tier that exists or in none. A key with an unknown tier gets the lowest: its gateways are
 * not shut out for a slip, and the log names the key by its id.
 */
export function withKnownTiers(entries: readonly KeyEntry[], tiers: Tiers, log: Log): KeyEntry[] {
  return entries.map((entry) => {
    if (entry.tier === undefined || tiers.limitOf(entry.tier) !== undefined) return entry
    const fallback = tiers.lowest
    log.warn({ keyId: keyIdOf(entry), org: entry.org, tier: entry.tier, fallback }, 'a key names an unknown tier')
    return { ...entry, tier: fallback }
  })
}
