import { systemClock } from '../core/clock.js'
import type { AdmittingNode } from '../node/admitting-node.js'
import type { Gates } from './gates.js'

/** By which share of a drain the sockets are closed, and by which the lease is given up; the rest is to end in. */
const SOCKET_SHARE = 0.8
const NODE_SHARE = 0.9

/**
 * Closes every connection, then gives up the lease, within `withinMs`: the sockets first, because slots follow them.
 */
export async function drainInOrder(gates: Gates, node: AdmittingNode, withinMs: number): Promise<void> {
  const startMs = systemClock.monotonicMs()
  node.quiet()
  await gates.closeAll(withinMs * SOCKET_SHARE)
  const leftMs = withinMs * NODE_SHARE - (systemClock.monotonicMs() - startMs)
  await node.drain({ withinMs: Math.max(0, leftMs) })
}
