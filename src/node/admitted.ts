import type { Admitted } from '../core/admission.js'
import type { HeldConnection } from './held-connection.js'

/** What the caller gets of an admitted connection. Signal and token are made when they are asked for. */
export function admittedAs(
  connection: HeldConnection,
  counts: Pick<Admitted, 'currentCount' | 'maxAllowed' | 'reserved'>,
  {
    release,
    resumeToken,
    mayCarryFrames,
  }: Pick<Admitted, 'release' | 'mayCarryFrames'> & {
    readonly resumeToken: () => string | undefined
  },
): Admitted {
  return {
    admitted: true,
    connectionId: connection.id,
    ...counts,
    release,
    mayCarryFrames,
    watch(peer) {
      connection.peer = peer
    },
    get lost() {
      return connection.lost
    },
    get closing() {
      return connection.closing
    },
    get resumeToken() {
      return resumeToken()
    },
  }
}
