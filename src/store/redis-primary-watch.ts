import { type Clock, sleep } from '../core/clock.js'
import type { LeaseTiming } from '../core/lease-timing.js'
import type { StoreConnection } from './lease-store.js'
import type { Primary, RedisSentinels } from './redis-sentinels.js'

interface Watched {
  readonly connection: StoreConnection
  /** Whom the connection goes to. */
  readonly primary: Primary
  readonly sentinels: RedisSentinels
  readonly timing: LeaseTiming
  readonly clock: Clock
}

/**
 * Ends a connection to a primary that was replaced, once a sentinel says so, asked every renew interval. A primary that
 * is cut off from its sentinels does not know that it was replaced, and goes on admitting whoever still reaches it: a
 * node that reaches it and a sentinel leaves it here, so that R4's window stays short. Resolves when the connection is
 * gone.
 */
export async function leaveFormerPrimary({ connection, primary, sentinels, timing, clock }: Watched): Promise<void> {
  const gone = new AbortController()
  connection.closed.then(() => gone.abort())
  while (!gone.signal.aborted) {
    await sleep(clock, timing.renewIntervalMs, gone.signal)
    // Sentinels that do not answer say nothing against a primary that does.
    const named = await sentinels.find(timing.callTimeoutMs, gone.signal).catch(() => undefined)
    if (!named || named.configEpoch <= primary.configEpoch) continue
    if (named.host === primary.host && named.port === primary.port) continue
    connection.destroy('the sentinels name another primary')
  }
}
