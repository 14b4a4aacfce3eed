import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'

/** Some 700 of the smallest frames, which are read in half a millisecond. */
const PIECE_BYTES = 4 * 1024
/** Of one turn: the system hands over one newcomer in each, so that a turn's length is how long each of a crowd waits. */
const WORK_MS = 1

const PACE = Symbol('pace')
type Paced = Duplex & { [PACE]?: PacedReading }

/**
 * Hands on what sockets receive in pieces, and lets them take turns. The system hands over up to 2 MB of a socket in one
 * go, which are 350,000 frames of the smallest: ten peers that send as fast as they can would keep everybody else waiting
 * for seconds, also who renews the lease. A socket that has more than a piece is not read from meanwhile, so that its
 * peer has to wait; whoever sends little never waits for a turn.
 */
export class PacedReading {
  readonly #clock: Clock
  /** What is left of each; whose turn is next comes first. */
  readonly #left = new Map<Duplex, Buffer>()
  /** Whose peer has said its last, which is told behind what is left. */
  readonly #ended = new Set<Duplex>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** To be called before anybody listens to its data. One function for all, where a closure each would cost memory. */
  pace(socket: Duplex): void {
    ;(socket as Paced)[PACE] = this
    socket.emit = emitInPieces
  }

  /** What a socket was about to hand on. */
  take(socket: Duplex, chunk: Buffer): boolean {
    if (socket.destroyed) return false
    const before = this.#left.get(socket)
    if (!before && chunk.length <= PIECE_BYTES) return emitWhole(socket, 'data', chunk)
    // While it is paused one more may come that was read already.
    const isFirst = this.#left.size === 0
    this.#left.set(socket, before ? Buffer.concat([before, chunk]) : chunk)
    socket.pause()
    if (isFirst) this.#clock.soon(() => this.#work())
    return true
  }

  /** Whether its end has to wait: a socket of the system tells it also while paused, and what is left would be lost. */
  holdsEnd(socket: Duplex): boolean {
    if (!this.#left.has(socket)) return false
    this.#ended.add(socket)
    return true
  }

  /**
   * To be called ahead of its `close`. ws would then read in one go what came while it was paused, and behind a gap: for
   * 500 such peers that are ended at once that holds up the loop for 0.7 s.
   */
  forget(socket: Duplex): void {
    this.#left.delete(socket)
    this.#ended.delete(socket)
    if (socket.readableLength > 0) socket.read(socket.readableLength)
  }

  #work(): void {
    const startMs = this.#clock.monotonicMs()
    try {
      for (const [socket, left] of this.#left) {
        this.#left.delete(socket)
        if (!socket.destroyed) this.#handOn(socket, left)
        if (this.#clock.monotonicMs() - startMs >= WORK_MS) break
      }
    } finally {
      if (this.#left.size > 0) this.#clock.soon(() => this.#work())
    }
  }

  #handOn(socket: Duplex, left: Buffer): void {
    const rest = left.subarray(PIECE_BYTES)
    // Ahead of what listens to it: that may end the socket, and what it throws must not lose the rest.
    if (rest.length > 0) this.#left.set(socket, rest)
    try {
      emitWhole(socket, 'data', left.subarray(0, PIECE_BYTES))
    } finally {
      if (rest.length === 0) this.#goOn(socket)
    }
  }

  #goOn(socket: Duplex): void {
    if (this.#ended.delete(socket)) emitWhole(socket, 'end')
    else socket.resume()
  }
}

function emitInPieces(this: Paced, event: string | symbol, ...args: unknown[]): boolean {
  const pace = this[PACE]
  if (event === 'data' && pace) return pace.take(this, args[0] as Buffer)
  if (event === 'end' && pace?.holdsEnd(this)) return true
  if (event === 'close') pace?.forget(this)
  return emitWhole(this, event, ...args)
}

/** As a socket of this kind does by itself. */
function emitWhole(socket: Duplex, event: string | symbol, ...args: unknown[]): boolean {
  return (Object.getPrototypeOf(socket) as Duplex).emit.call(socket, event, ...args)
}
