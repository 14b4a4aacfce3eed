import { type Clock, sleep } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { StoreConnection } from '../lease-store.js'
import type { Primary, PrimaryFinder } from './primary.js'

interface Watched {
  readonly connection: StoreConnection
  /** Whom the connection goes to. */
  readonly primary: Primary
  readonly finder: PrimaryFinder
  readonly timing: LeaseTiming
  readonly clock: Clock
}

/**
 * Ends a connection to a primary that was replaced, once somebody who decides it says so, asked every renew interval. A
 * primary that is cut off from those does not know that it was replaced, and goes on admitting whoever still reaches
 * it: a node that reaches it and one of them leaves it here, so that R4's window stays short. Resolves when the
 * connection is gone.
 */
export async function leaveFormerPrimary({ connection, primary, finder, timing, clock }: Watched): Promise<void> {
  const gone = new AbortController()
  connection.closed.then(() => gone.abort())
  for (;;) {
    await sleep(clock, timing.renewIntervalMs, gone.signal)
    if (gone.signal.aborted) return
    // Who does not answer says nothing against a primary that does.
    const named = await finder.find(timing.callTimeoutMs, gone.signal).catch(() => undefined)
    if (!named || named.configEpoch <= primary.configEpoch) continue
    if (named.host === primary.host && named.port === primary.port) continue
    connection.destroy(finder.namedAnother)
  }
}
