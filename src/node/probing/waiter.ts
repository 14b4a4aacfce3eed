import type { Asker } from '../../core/admission.js'
import type { ScopeRef } from '../../store/lease-store.js'
import type { WaitingRoom } from './waiting-room.js'

interface Whose {
  readonly org: string
  readonly instance?: ScopeRef | undefined
  /** The connection whose slot it may have. */
  readonly replaces?: string | undefined
}

/** A refused admission, which may wait: for rounds, and for other nodes. One place is enough for all of it. */
export class Waiter {
  readonly org: string
  readonly signal: Asker | undefined
  readonly #room: WaitingRoom
  readonly #instance: ScopeRef | undefined
  readonly #keepsRoom: boolean
  #hasPlace = false

  /** `signal` aborts when nobody needs the answer any more, and hears when there is a place. */
  constructor(room: WaitingRoom, { org, instance, replaces }: Whose, signal?: Asker) {
    this.#room = room
    this.#instance = instance
    // Once it has its slot the old connection is closed: it must not be turned away then because the node is full (L2).
    this.#keepsRoom = replaces !== undefined
    this.org = org
    this.signal = signal
  }

  /** Whether it has a place, or gets one: then until `leave`. Who has none is refused at once. */
  mayWait(): boolean {
    if (this.#hasPlace) return true
    this.#hasPlace = this.#room.enter(this.org, this.#instance)
    if (this.#hasPlace && !this.#keepsRoom) this.signal?.waits?.()
    return this.#hasPlace
  }

  leave(): void {
    if (this.#hasPlace) this.#room.leave(this.org, this.#instance)
    this.#hasPlace = false
  }
}
