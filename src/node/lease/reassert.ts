import { MAX_ITEMS } from '../../store/lease-store.js'
import type { HeldConnection } from '../held/held-connection.js'
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
 */
export async function reassertAll(
  session: Session,
  all: readonly HeldConnection[],
  mode: ReassertMode,
  betweenChunks: () => Promise<void>,
): Promise<Reasserted | undefined> {
  let [kept, closed] = [0, 0]
  for (let from = 0; from === 0 || from < all.length; from += MAX_ITEMS) {
    const chunk = all.slice(from, from + MAX_ITEMS).filter((connection) => connection.state === 'held')
    const final = from + MAX_ITEMS >= all.length
    for (const connection of chunk) connection.tell()
    const claims = chunk.map((connection) => connection.claim)
    const reply = await session.call((connection, fence) => connection.reassert(fence, claims, { mode, final }))
    if (reply.status !== 'ok') return undefined
    chunk.forEach((connection, i) => {
      connection.repay()
      const lost = ['full', 'conflict', 'taken'].includes(reply.value[i]!)
      if (lost) connection.loseSlot(reply.value[i] === 'taken' ? 'TAKEN_OVER' : 'LEASE_LOST')
      if (lost) closed++
      else kept++
    })
    await betweenChunks()
  }
  return { kept, closed }
}
