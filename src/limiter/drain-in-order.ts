import type { Clock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import { checkGiven } from '../core/given.js'
import type { AdmittingNode } from '../node/admitting-node.js'
import type { Gates } from './gates.js'
import { LIMITER_DEFAULTS } from './options.js'

export interface DrainOptions {
  /** 25,000 where absent; `Infinity` for as long as it takes. */
  readonly withinMs?: number | undefined
}

/** By which share of a drain the sockets are closed, and by which the lease is given up; the rest is to end in. */
const SOCKET_SHARE = 0.8
const NODE_SHARE = 0.9

/**
 * Closes every connection, then gives up the lease, within `withinMs`: the sockets first, because slots follow them.
 */
export async function drainInOrder(
  gates: Pick<Gates, 'closeAll'>,
  node: Pick<AdmittingNode, 'quiet' | 'drain'>,
  withinMs: number,
  clock: Clock,
): Promise<void> {
  const startMs = clock.monotonicMs()
  node.quiet()
  await gates.closeAll(withinMs * SOCKET_SHARE)
  const leftMs = withinMs * NODE_SHARE - (clock.monotonicMs() - startMs)
  await node.drain({ withinMs: Math.max(0, leftMs) })
}

/** In how many ms to stop. Throws `INVALID_SETTINGS` for an option that is none, and for a time that is none. */
export function drainTime(options: DrainOptions): number {
  checkGiven(options, { kinds: { withinMs: 'number' } })
  const { withinMs = LIMITER_DEFAULTS.drainTimeMs } = options
  if (withinMs >= 0) return withinMs
  throw new UsageError('INVALID_SETTINGS', `withinMs is a time from 0 ms, or Infinity, not ${withinMs}`)
}
