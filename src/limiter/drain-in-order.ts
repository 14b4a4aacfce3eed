import { systemClock } from '../core/clock.js'
import type { Gate } from '../gate/gate.js'
import type { AdmittingNode } from '../node/admitting-node.js'

/** By which share of a drain the sockets are closed, and by which the lease is given up; the rest is to end in. */
const SOCKET_SHARE = 0.8
const NODE_SHARE = 0.9

/**
 * Closes every connection, then gives up the lease, within `withinMs`: the sockets first, because slots follow them.
 */
export async function drainInOrder(gates: ReadonlySet<Gate>, node: AdmittingNode, withinMs: number): Promise<void> {
  const startMs = systemClock.monotonicMs()
  node.quiet()
  const socketsMs = withinMs * SOCKET_SHARE
  await Promise.all([...gates].map((gate) => gate.closeAll('DRAINING', { withinMs: socketsMs })))
  const leftMs = withinMs * NODE_SHARE - (systemClock.monotonicMs() - startMs)
  await node.drain({ withinMs: Math.max(0, leftMs) })
}
