import type { Admitted } from '../core/admission.js'
import type { ClosingCode } from '../core/closures.js'
import type { Peer } from '../core/peer.js'
import type { HeldConnection } from './held-connection.js'

interface AdmittedParts extends Pick<Admitted, 'currentCount' | 'maxAllowed' | 'reserved' | 'mayCarryFrames'> {
  readonly release: () => void
  readonly resumeToken: () => string | undefined
}

/**
 * What the caller gets of an admitted connection. Signal and token are made when they are asked for; and it is a class,
 * because a literal with getters takes thirty times as long to make.
 */
export class AdmittedConnection implements Admitted {
  readonly admitted = true
  readonly connectionId: string
  readonly currentCount: number
  readonly maxAllowed: number
  declare readonly reserved?: number
  /** Of its own, so that it can be handed on without its object. */
  readonly release: () => void
  readonly mayCarryFrames: (() => boolean) | undefined
  readonly #connection: HeldConnection
  readonly #resumeToken: () => string | undefined

  constructor(connection: HeldConnection, parts: AdmittedParts) {
    this.#connection = connection
    this.connectionId = connection.id
    this.currentCount = parts.currentCount
    this.maxAllowed = parts.maxAllowed
    if (parts.reserved !== undefined) this.reserved = parts.reserved
    this.release = parts.release
    this.mayCarryFrames = parts.mayCarryFrames
    this.#resumeToken = parts.resumeToken
  }

  get lost(): AbortSignal {
    return this.#connection.lost
  }

  get closing(): ClosingCode | undefined {
    return this.#connection.closing
  }

  get resumeToken(): string | undefined {
    return this.#resumeToken()
  }

  watch(peer: Peer): void {
    this.#connection.peer = peer
  }
}
