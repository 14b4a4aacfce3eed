import { type Clock, sleep, within } from '../core/clock.js'
import type { Census } from './census.js'
import type { Upgrade } from './upgrade.js'

export interface CloseAllOptions {
  /** When all raw sockets must be closed, answered or not. */
  readonly withinMs: number
}

const PACE_MS = 50
/** So many are closed at once without a pause: small nodes drain without delay. */
const MIN_BATCH = 50
/** The share of the time over which closes are spread, and the one after which nobody is waited for. */
const PACE_SHARE = 0.5
const PATIENCE_SHARE = 0.8

/** Closes every open socket in batches, then waits for the peers, then cuts off who is left. */
export async function closePaced(
  census: Census<Upgrade>,
  close: (upgrade: Upgrade) => void,
  { withinMs }: CloseAllOptions,
  clock: Clock,
): Promise<void> {
  const startMs = clock.monotonicMs()
  const left = (share: number) => Math.max(0, withinMs * share - (clock.monotonicMs() - startMs))
  const open = census.list('open')
  const batchSize = Math.max(MIN_BATCH, Math.ceil((open.length * PACE_MS) / (withinMs * PACE_SHARE)))
  // Another stop with less time may have cut off everybody: then there is nobody left to walk to.
  for (let first = 0; first < open.length && census.count('open') > 0; first += batchSize) {
    for (const upgrade of open.slice(first, first + batchSize)) close(upgrade)
    if (first + batchSize < open.length) await sleep(clock, Math.min(PACE_MS, left(PATIENCE_SHARE)))
  }
  await within(clock, left(PATIENCE_SHARE), census.empty())
  for (const upgrade of census.list()) upgrade.socket.destroy()
  await within(clock, left(1), census.empty())
}
