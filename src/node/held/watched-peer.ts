import type { ClosingCode } from '../../core/closures.js'
import type { Peer } from '../../core/peer.js'
import { tell } from '../../core/tell.js'

/*
 * A peer may be a program's own, and fail. What it throws or rejects with is reported on the console, and costs at most
 * its own connection anything: a stop, an order or a round of probes goes on with the others.
 */

/** One that cannot tell is not silent: nobody asks it. */
export function isSilent(peer: Peer): boolean {
  try {
    return peer.isSilent
  } catch (error) {
    complain(error)
    return false
  }
}

/** One that cannot be asked keeps its slot: what failed says nothing of the other end. */
export async function isThere(peer: Peer, withinMs: number): Promise<boolean> {
  try {
    return await peer.probe(withinMs)
  } catch (error) {
    complain(error)
    return true
  }
}

export function tellLost(peer: Peer | undefined, closing: ClosingCode): void {
  tell((reason) => peer?.lose?.(reason), closing, complain)
}

function complain(error: unknown): void {
  console.error('headcount: a watched peer threw', error)
}
