import { type Clock, sleep } from '../core/clock.js'
import type { Census } from './census.js'
import type { Identity } from './identify.js'
import type { Upgrade } from './upgrade.js'

const PACE_MS = 50
/** So many are looked at in one turn of the event loop, and so many of them closed at most: 1,000 a second. */
const LOOKED_AT_ONCE = 2_000
const CLOSED_AT_ONCE = 50

/**
 * Closes every open connection whose identity may not stay, at a pace: a key may have thousands of connections, and
 * their clients come back at once. Ends early when `goesOn` says no.
 */
export async function revoke(
  census: Census<Upgrade>,
  mayStay: (identity: Identity) => boolean,
  close: (upgrade: Upgrade) => void,
  clock: Clock,
  goesOn: () => boolean,
): Promise<void> {
  let looked = 0
  let closed = 0
  for (const upgrade of census.list('open')) {
    if (upgrade.closing === undefined && !mayStay(upgrade.identity!)) {
      close(upgrade)
      closed++
    }
    if (++looked < LOOKED_AT_ONCE && closed < CLOSED_AT_ONCE) continue
    await sleep(clock, closed < CLOSED_AT_ONCE ? 0 : PACE_MS)
    if (!goesOn()) return
    looked = 0
    closed = 0
  }
}
