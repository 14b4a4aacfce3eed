import type { Asker } from '../../core/admission.js'
import type { ScopeRef } from '../../store/lease-store.js'
import type { WaitingRoom } from './waiting-room.js'

interface Whose {
  readonly org: string
  readonly instance?: ScopeRef | undefined
}

/** A refused admission, which may wait: for rounds, and for other nodes. One place is enough for all of it. */
export class Waiter {
  readonly org: string
  readonly signal: Asker | undefined
  readonly #room: WaitingRoom
  readonly #instance: ScopeRef | undefined
  #hasPlace = false

  /** `signal` aborts when nobody needs the answer any more, and hears when there is a place. */
  constructor(room: WaitingRoom, { org, instance }: Whose, signal?: Asker) {
    this.#room = room
    this.#instance = instance
    this.org = org
    this.signal = signal
  }

  /** Whether it has a place, or gets one: then until `leave`. Who has none is refused at once. */
  mayWait(): boolean {
    if (this.#hasPlace) return true
    this.#hasPlace = this.#room.enter(this.org, this.#instance)
    if (this.#hasPlace) this.signal?.waits?.()
    return this.#hasPlace
  }

  leave(): void {
    if (this.#hasPlace) this.#room.leave(this.org, this.#instance)
    this.#hasPlace = false
  }
}
