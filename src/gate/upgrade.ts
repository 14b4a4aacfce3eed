import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Asker } from '../core/admission.js'
import type { ClosingCode } from '../core/closures.js'
import type { Waiting } from '../core/structures/deadlines.js'
import type { Counted, Stage } from './census.js'
import type { Identity } from './identify.js'
import type { Link } from './link.js'

/**
 * What matters until it is decided. An open connection does without, since it would keep some 2 KB of it for life; so
 * does a closed one.
 */
interface Asked {
  readonly request: IncomingMessage
  readonly head: Buffer
}

/** Who made the upgrade, and is told how it ends: one for all of them, where closures would be made for each. */
export interface UpgradeOwner {
  /** A slot was asked for in vain, and it waits while somebody is asked whether he is still there. */
  waits(upgrade: Upgrade): void
  /** It is decided, however. */
  decided(upgrade: Upgrade): void
  /** The raw socket is closed, and all is undone. */
  closed(upgrade: Upgrade): void
  /** An undo threw, or who listened for its end, or who was told of its opening. */
  faulted(upgrade: Upgrade, error: unknown): void
}

/**
 * One upgrade request and the raw socket under it, from the `upgrade` event to the socket's `close`.
 *
 * It is *pending* until the first of three decides it: it is opened, it is refused, or its peer goes away. Whoever
 * comes second finds it decided and must leave the socket alone. What was taken for it is undone at `close`, and at no
 * other moment: a slot is free when its socket is really closed (L1).
 *
 * As a signal it aborts when the answer is no longer of use: the peer is gone, or the upgrade was refused meanwhile.
 */
export class Upgrade implements Asker, Counted, Waiting {
  readonly socket: Duplex
  stage: Stage | undefined
  place = -1
  waitsSinceMs = 0
  turn = -1
  /** Where it comes from. Kept because a closed socket no longer knows it. */
  address: string | undefined
  identity: Identity | undefined
  /** Present once open. */
  link: Link | undefined
  /** Present once we have begun to close it. */
  closing: ClosingCode | undefined

  readonly #owner: UpgradeOwner
  readonly #undo: (() => void)[] = []
  #asked: Asked | undefined
  /** Present while somebody listens. */
  #listeners: Set<() => void> | undefined
  #outcome: 'open' | 'refused' | undefined
  #closed = false

  /** Guards the socket before anything else: without an error listener a client's reset would end the process. */
  constructor(request: IncomingMessage, socket: Duplex, head: Buffer, owner: UpgradeOwner) {
    socket.on('error', nothing)
    socket.on('close', () => this.#close())
    socket.on('end', () => this.#leaveIfPending())
    this.#owner = owner
    this.#asked = { request, head }
    this.socket = socket
  }

  /**
   * To be called once the owner has it in its books: a framework may hand over a socket late, whose events are past.
   */
  catchUp(): void {
    if (!this.socket.destroyed && !this.socket.readableEnded) return
    this.#leaveIfPending()
    if (this.socket.closed) this.#close()
  }

  get request(): IncomingMessage {
    return this.#pending.request
  }

  /** Bytes that the client sent behind its handshake. */
  get head(): Buffer {
    return this.#pending.head
  }

  get decided(): boolean {
    return this.#outcome !== undefined
  }

  get aborted(): boolean {
    return this.#outcome === 'refused'
  }

  addEventListener(_: 'abort', listener: () => void): void {
    if (this.#outcome !== undefined) return
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    this.#listeners?.delete(listener)
  }

  waits(): void {
    if (!this.decided) this.#owner.waits(this)
  }

  /** Claims the outcome; false when it is decided already. */
  decide(outcome: 'open' | 'refused'): boolean {
    if (this.#outcome !== undefined) return false
    this.#outcome = outcome
    const listeners = this.#listeners
    this.#listeners = undefined
    this.#owner.decided(this)
    if (outcome === 'open') this.#asked = undefined
    else if (listeners) for (const listener of listeners) this.#run(listener)
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

  /** Something that was called for it threw, when it was decided already: that costs this one connection. */
  fail(error: unknown): void {
    this.#owner.faulted(this, error)
    this.socket.destroy()
  }

  get #pending(): Asked {
    if (this.#asked === undefined) throw new Error('what it was asked for is forgotten: it is open, or closed')
    return this.#asked
  }

  /** A client that half-closes during its handshake cannot speak WebSocket any more: nobody needs to wait for it. */
  #leaveIfPending(): void {
    if (!this.decided) this.socket.destroy()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.decide('refused')
    while (this.#undo.length > 0) this.#run(this.#undo.pop()!)
    this.#owner.closed(this)
    // A closed socket lives on until a full collection of garbage, and whatever it leads to is carried along until
    // then.
    this.#asked = undefined
    this.link?.forget(this.socket)
    this.link = undefined
  }

  #run(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#owner.faulted(this, error)
    }
  }
}

function nothing(): void {}
