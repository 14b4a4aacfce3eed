import type { Admitted } from '../../core/admission.js'
import type { ClosingCode } from '../../core/closures.js'
import type { Peer } from '../../core/peer.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { Slot } from './absence.js'
import type { TokenOwner } from './resume-tokens.js'

/** The node that admitted it. */
export interface AdmittedOwner {
  readonly mayCarryFrames: (() => boolean) | undefined
  release(connection: HeldConnection): void
  resumeToken(whose: TokenOwner, connectionId: string): string | undefined
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
  readonly #whose: TokenOwner
  readonly #owner: AdmittedOwner

  constructor(connection: HeldConnection, slot: Slot, whose: TokenOwner, owner: AdmittedOwner) {
    this.#connection = connection
    this.#whose = whose
    this.#owner = owner
    this.connectionId = connection.id
    this.currentCount = slot.count
    this.maxAllowed = slot.limit
    if (slot.reserved !== undefined) this.reserved = slot.reserved
    this.release = () => owner.release(connection)
    const { mayCarryFrames } = owner
    // One that lost its slot carries none again, although its node may have a new lease.
    this.mayCarryFrames = mayCarryFrames && (() => !connection.isGivenUp && mayCarryFrames())
  }

  get lost(): AbortSignal {
    return this.#connection.lost
  }

  get closing(): ClosingCode | undefined {
    return this.#connection.closing
  }

  get replaces(): string | undefined {
    return this.#connection.replaces
  }

  get resumeToken(): string | undefined {
    return this.#owner.resumeToken(this.#whose, this.connectionId)
  }

  watch(peer: Peer): void {
    this.#connection.watch(peer)
  }
}
