import { MAX_ITEMS } from '../../store/lease-store.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { Session } from './session.js'

/** `keep`: the store lost its memory, nobody is kicked. `room`: the lease was fenced, and others may have the slots. */
export type ReassertMode = 'keep' | 'room'

export interface Reasserted {
  readonly kept: number
  readonly closed: number
}

interface Chunk {
  readonly of: readonly HeldConnection[]
  readonly mode: ReassertMode
}

/**
 * Tells the store of open connections, the oldest first, one bounded chunk in flight. Admissions and releases wait
 * meanwhile, so a chunk never meets a call about one of its own connections. Those for which no slot is left are told
 * to close. `undefined` when the session ended over it: the next one begins anew, which is harmless.
 *
 * What is being closed comes last, and counts only where there is room: beyond the limit it would be a surplus, for which
 * somebody else may be closed.
 */
export async function reassertAll(
  session: Session,
  all: readonly HeldConnection[],
  mode: ReassertMode,
  betweenChunks: () => Promise<void>,
): Promise<Reasserted | undefined> {
  let [kept, closed] = [0, 0]
  const givenUp = new Set(all.filter((connection) => connection.isGivenUp))
  const staying = all.filter((connection) => !givenUp.has(connection))
  const chunks = [...chunksOf(staying, mode), ...chunksOf([...givenUp], 'room')]
  // That this was all is to be said also where there is nothing.
  if (chunks.length === 0) chunks.push({ of: [], mode })
  for (const [i, { of, mode }] of chunks.entries()) {
    const chunk = of.filter((connection) => connection.state === 'held')
    const final = i === chunks.length - 1
    for (const connection of chunk) connection.tell()
    const claims = chunk.map((connection) => connection.claim)
    const reply = await session.call((connection, fence) => connection.reassert(fence, claims, { mode, final }))
    if (reply.status !== 'ok') return undefined
    chunk.forEach((connection, i) => {
      connection.repay()
      const lost = ['full', 'conflict', 'taken'].includes(reply.value[i]!)
      if (lost) connection.loseSlot(reply.value[i] === 'taken' ? 'TAKEN_OVER' : 'LEASE_LOST')
      if (!lost) kept++
      else if (!givenUp.has(connection)) closed++
    })
    await betweenChunks()
  }
  return { kept, closed }
}

function chunksOf(connections: readonly HeldConnection[], mode: ReassertMode): Chunk[] {
  const chunks: Chunk[] = []
  for (let from = 0; from < connections.length; from += MAX_ITEMS) {
    chunks.push({ of: connections.slice(from, from + MAX_ITEMS), mode })
  }
  return chunks
}
