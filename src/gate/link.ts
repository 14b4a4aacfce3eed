import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'
import type { Pingable, Seat } from './ping-wheel.js'

/** The part of a WebSocket that a link steers. */
interface Steered {
  /** Whether the program takes nothing from it at the moment. */
  readonly isPaused: boolean
  ping(): void
  close(code: number, reason: string): void
  terminate(): void
}

/** The link of a raw socket, on the socket itself (ADR 23). */
const LINK = Symbol('link')
type Linked = Duplex & { [LINK]?: Link | undefined }

/** An open connection as the gate sees it: when its peer was last heard, and the means to end it. */
export class Link implements Pingable {
  seat: Seat | undefined
  #heardAtMs: number
  readonly #ws: Steered
  readonly #clock: Clock

  /** Listens to the raw socket: any byte is a sign of life, also half of a long message. */
  constructor(ws: Steered, socket: Duplex, clock: Clock) {
    this.#ws = ws
    this.#clock = clock
    this.#heardAtMs = clock.monotonicMs()
    ;(socket as Linked)[LINK] = this
    socket.on('data', hear)
  }

  /** To be called when the socket is closed. */
  forget(socket: Duplex): void {
    ;(socket as Linked)[LINK] = undefined
  }

  /** Behind a socket that the program has paused nothing can be heard, an answer either: its silence proves nothing. */
  get heardAtMs(): number {
    return this.#ws.isPaused ? this.#clock.monotonicMs() : this.#heardAtMs
  }

  hear(): void {
    this.#heardAtMs = this.#clock.monotonicMs()
  }

  ping(): void {
    this.#ws.ping()
  }

  /** Begins the closing handshake. `reason` is at most 123 bytes of UTF-8. */
  close(code: number, reason: string): void {
    this.#ws.close(code, reason)
  }

  /** Destroys the socket at once. */
  terminate(): void {
    this.#ws.terminate()
  }
}

/** One listener for all sockets, where a closure for each would cost memory per connection. */
function hear(this: Linked): void {
  this[LINK]?.hear()
}
