import { MAX_ITEMS } from '../../store/lease-store.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { Recovery } from './recovery.js'
import type { Session } from './session.js'

/** `keep`: the store lost its memory, nobody is kicked. `room`: the lease was fenced, and others may have the slots. */
export type ReassertMode = 'keep' | 'room'

export interface Reasserted {
  readonly kept: number
  readonly closed: number
}

/**
 * Tells the store of open connections, the oldest first, one bounded chunk in flight. Admissions and releases wait
 * meanwhile, so a chunk never meets a call about one of its own connections. Those for which no slot is left are told
 * to close. `undefined` when the session ended over it: the next one begins anew, which is harmless.
 *
 * What is being closed comes last, and counts only where there is room: beyond the limit it would be a surplus, for
 * which somebody else may be closed. While the store recovers it is not told at all: what looks like room may be that
 * of others who have yet to tell theirs. Each is looked at when its turn comes: telling takes long, and D may end.
 */
export async function reassertAll(
  session: Session,
  all: readonly HeldConnection[],
  how: { readonly mode: ReassertMode; readonly recovery: Pick<Recovery, 'lastMs'>; readonly onTelling: () => void },
  betweenChunks: () => Promise<void>,
): Promise<Reasserted | undefined> {
  const givenUp: HeldConnection[] = []
  let [next, kept, closed, final] = [0, 0, 0, false]
  while (!final) {
    how.onTelling()
    let [chunk, mode]: [HeldConnection[], ReassertMode] = [[], how.mode]
    for (; next < all.length && chunk.length < MAX_ITEMS; next++) {
      const connection = all[next]!
      if (connection.state === 'held') (connection.isGivenUp ? givenUp : chunk).push(connection)
    }
    if (how.recovery.lastMs > 0) for (const connection of givenUp.splice(0)) connection.loseSlot()
    const areGivenUp = chunk.length === 0 && givenUp.length > 0
    if (areGivenUp) {
      chunk = givenUp.splice(0, MAX_ITEMS).filter(({ state }) => state === 'held')
      mode = 'room'
    }
    // That this was all is to be said also where there is nothing.
    final = next === all.length && givenUp.length === 0
    for (const connection of chunk) connection.tell()
    const claims = chunk.map((connection) => connection.claim)
    const reply = await session.call((connection, fence) => connection.reassert(fence, claims, { mode, final }))
    if (reply.status !== 'ok') return undefined
    chunk.forEach((connection, i) => {
      connection.repay()
      const lost = ['full', 'conflict', 'taken'].includes(reply.value[i]!)
      if (lost) connection.loseSlot(reply.value[i] === 'taken' ? 'TAKEN_OVER' : 'LEASE_LOST')
      if (!lost) kept++
      else if (!areGivenUp) closed++
    })
    await betweenChunks()
  }
  return { kept, closed }
}
