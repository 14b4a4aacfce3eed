import type { Ending } from '../../core/ending.js'
import type { WaitingRoom } from './waiting-room.js'

/** A refused admission, which may wait: for rounds, and for other nodes. One place is enough for all of it. */
export class Waiter {
  readonly org: string
  readonly signal: Ending | undefined
  readonly #room: WaitingRoom
  #hasPlace = false

  /** `signal` aborts when nobody needs the answer any more. */
  constructor(room: WaitingRoom, org: string, signal?: Ending) {
    this.#room = room
    this.org = org
    this.signal = signal
  }

  /** Whether it has a place, or gets one: then until `leave`. Who has none is refused at once. */
  mayWait(): boolean {
    if (!this.#hasPlace) this.#hasPlace = this.#room.enter(this.org)
    return this.#hasPlace
  }

  leave(): void {
    if (this.#hasPlace) this.#room.leave(this.org)
    this.#hasPlace = false
  }
}
