import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'
import type { ClosingCode } from '../core/closures.js'
import type { Peer } from '../core/peer.js'
import type { Link } from './link.js'
import type { PingWheel } from './ping-wheel.js'

/** So often it is looked whether an answer has come. Each look counts as one share of the time, however late it is. */
const LOOKS = 10

/** The peer of an open connection, whom the node may ask whether it is still there. */
export class LinkPeer implements Peer {
  readonly #link: Link
  readonly #socket: Duplex
  readonly #wheel: PingWheel
  readonly #clock: Clock
  readonly lose: (closing: ClosingCode) => void

  /** `lose` has the connection closed. */
  constructor(link: Link, socket: Duplex, wheel: PingWheel, clock: Clock, lose: (closing: ClosingCode) => void) {
    this.#link = link
    this.#socket = socket
    this.#wheel = wheel
    this.#clock = clock
    this.lose = lose
  }

  get isSilent(): boolean {
    return this.#wheel.isSilent(this.#link)
  }

  /**
   * Time in which this process stood still is not held against the peer: before each look what has arrived was read,
   * and a look that comes late uses up no more of the peer's time than one that is on time.
   */
  probe(withinMs: number): Promise<boolean> {
    const [link, socket, clock] = [this.#link, this.#socket, this.#clock]
    if (socket.destroyed) return Promise.resolve(false)
    return new Promise((resolve) => {
      const askedAtMs = clock.monotonicMs()
      let looksLeft = LOOKS
      let cancel = clock.after(withinMs / LOOKS, look)
      const end = (isThere: boolean) => {
        cancel()
        socket.off('close', gone)
        resolve(isThere)
      }
      const gone = () => end(false)
      // Behind the listener that gives back the slot, which was there first.
      socket.once('close', gone)
      link.ping()
      function look() {
        if (link.heardAtMs > askedAtMs) return end(true)
        if (--looksLeft === 0) return link.terminate()
        cancel = clock.after(withinMs / LOOKS, look)
      }
    })
  }
}
