import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'
import type { ClosingCode } from '../core/closures.js'
import type { Identity } from './identify.js'
import type { Link } from './link.js'

/** What matters until it is decided. An open connection does without, since it would keep some 2 KB of it for life. */
interface Asked {
  readonly request: IncomingMessage
  readonly head: Buffer
  readonly gone: AbortController
}

/**
 * One upgrade request and the raw socket under it, from the `upgrade` event to the socket's `close`.
 *
 * It is *pending* until the first of three settles it: it is opened, it is refused, or its peer goes away. Whoever
 * comes second finds it settled and must leave the socket alone. What was taken for it is undone at `close`, and at no
 * other moment: a slot is free when its socket is really closed (L1).
 */
export class Upgrade {
  readonly socket: Duplex
  /** Where it comes from. Kept because a closed socket no longer knows it. */
  address: string | undefined
  identity?: Identity
  /** The owner of the WebSocket server has it in hand, and may yet complete it or turn it away. */
  handedOver = false
  /** Present once open. */
  link?: Link
  /** Present once we have begun to close it. */
  closing?: ClosingCode

  #asked: Asked | undefined
  readonly #undo: (() => void)[] = []
  readonly #faulted: (error: unknown) => void
  #cancelExpiry: () => void = nothing
  #settled = false
  #closed = false

  /**
   * Guards the socket before anything else: without an error listener a client's reset would end the process.
   * `faulted` hears of an undo that threw.
   */
  constructor(request: IncomingMessage, socket: Duplex, head: Buffer, faulted: (error: unknown) => void) {
    socket.on('error', nothing)
    socket.once('close', () => this.#close())
    socket.once('end', () => this.#leaveIfPending())
    this.#faulted = faulted
    this.#asked = { request, head, gone: new AbortController() }
    this.socket = socket
    // A framework may hand over a socket late, whose events are already past.
    if (socket.destroyed || socket.readableEnded) {
      this.#leaveIfPending()
      if (socket.closed) this.#close()
    }
  }

  get request(): IncomingMessage {
    return this.#pending.request
  }

  /** Bytes that the client sent behind its handshake. */
  get head(): Buffer {
    return this.#pending.head
  }

  /** Aborts when the answer is no longer of use: the peer is gone, or the upgrade was refused meanwhile. */
  get signal(): AbortSignal {
    return this.#pending.gone.signal
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Claims the outcome; false when it is settled already. */
  settle(outcome: 'open' | 'refused'): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.#cancelExpiry()
    this.#cancelExpiry = nothing
    if (outcome === 'refused') this.#asked?.gone.abort()
    else this.#asked = undefined
    return true
  }

  /**
   * Runs `undo` when the raw socket has closed, or at once if it has; the last given is the first to run. One that
   * throws stops no other: behind it may wait the one that gives back the slot.
   */
  atClose(undo: () => void): void {
    if (this.#closed) this.#run(undo)
    else this.#undo.push(undo)
  }

  /** Runs `task` after `delayMs` if nothing has settled the upgrade by then. */
  expireAfter(clock: Clock, delayMs: number, task: () => void): void {
    if (!this.#settled) this.#cancelExpiry = clock.after(delayMs, task)
  }

  get #pending(): Asked {
    if (this.#asked === undefined) throw new Error('what an open connection was asked for is forgotten')
    return this.#asked
  }

  /** A client that half-closes during its handshake cannot speak WebSocket any more: nobody needs to wait for it. */
  #leaveIfPending(): void {
    if (!this.#settled) this.socket.destroy()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.settle('refused')
    while (this.#undo.length > 0) this.#run(this.#undo.pop()!)
  }

  #run(undo: () => void): void {
    try {
      undo()
    } catch (error) {
      this.#faulted(error)
    }
  }
}

function nothing(): void {}
