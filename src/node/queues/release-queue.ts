import type { Clock } from '../../core/clock.js'
import { Line } from '../../core/structures/line.js'
import { MAX_ITEMS, type SlotRef } from '../../store/lease-store.js'
import type { Session } from '../lease/session.js'
import { Gathering } from './gathering.js'

/** As many full calls may be under way; what fills none waits for the one before it. */
const FULL_CALLS_IN_FLIGHT = 4

/**
 * Slots to give back. Each stays here until the store has confirmed it, over as many connections as that takes: after
 * an unanswered call this is what settles. Bounded by the connections the node has had open.
 */
export class ReleaseQueue {
  readonly #pending = new Map<string, SlotRef>()
  /** Those of them that are in no call of this session. */
  readonly #waiting = new Line<SlotRef>()
  readonly #gathering: Gathering
  #session: Session | undefined
  #callsInFlight = 0
  #whenEmpty: (() => void)[] = []
  readonly #whenReturned = new Map<string, (() => void)[]>()

  constructor(clock: Pick<Clock, 'soon' | 'monotonicMs'>) {
    this.#gathering = new Gathering({
      clock,
      waiting: () => this.#waiting.size,
      hasCompany: () => this.#pending.size > 1,
      call: () => this.#flush(),
    })
  }

  get size(): number {
    return this.#pending.size
  }

  has(id: string): boolean {
    return this.#pending.has(id)
  }

  add(slot: SlotRef): void {
    if (this.#pending.has(slot.id)) return
    this.#pending.set(slot.id, slot)
    this.#waiting.push(slot)
    this.#gathering.begin()
  }

  /**
   * Sends what waits, a call of it at most: whoever is asked for next must not find a slot taken that was given back
   * before.
   */
  sendAhead(): void {
    const session = this.#session
    if (!session || session.end || this.#waiting.size === 0 || this.#callsInFlight >= FULL_CALLS_IN_FLIGHT) return
    void this.#send(session, this.#waiting.take(MAX_ITEMS))
  }

  open(session: Session): void {
    this.#session = session
    this.#callsInFlight = 0
    this.#waiting.clear()
    for (const slot of this.#pending.values()) this.#waiting.push(slot)
    this.#flush()
  }

  close(): void {
    this.#session = undefined
  }

  /** The lease of these slots is dead: they are swept with it. */
  forget(): void {
    this.#waiting.clear()
    for (const id of [...this.#pending.keys()]) this.#returned(id)
    this.#tellIfEmpty()
  }

  /** Resolves when this slot is confirmed, or at once if it is not here; who asks brings the deadline. */
  whenReturned(id: string): Promise<void> {
    if (!this.#pending.has(id)) return Promise.resolve()
    return new Promise((resolve) => {
      const others = this.#whenReturned.get(id)
      if (others) others.push(resolve)
      else this.#whenReturned.set(id, [resolve])
    })
  }

  /** Resolves when all is confirmed; the caller brings the deadline. */
  whenEmpty(): Promise<void> {
    return this.#pending.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  #flush(): void {
    const session = this.#session
    while (session && !session.end && this.#waiting.size > 0) {
      const calls = this.#waiting.size < MAX_ITEMS ? 1 : FULL_CALLS_IN_FLIGHT
      if (this.#callsInFlight >= calls) return
      void this.#send(session, this.#waiting.take(MAX_ITEMS))
    }
  }

  async #send(session: Session, batch: readonly SlotRef[]): Promise<void> {
    this.#callsInFlight++
    const reply = await session.call((connection, fence) => connection.release(fence, batch))
    const isDone = reply.status === 'ok'
    if (isDone) for (const slot of batch) this.#returned(slot.id)
    // A session that came meanwhile has been given all that was not confirmed, and counts its own calls.
    if (session === this.#session) {
      this.#callsInFlight--
      if (isDone) this.#flush()
      else for (const slot of batch) this.#waiting.push(slot)
    }
    this.#tellIfEmpty()
  }

  #returned(id: string): void {
    this.#pending.delete(id)
    const waiting = this.#whenReturned.get(id)
    this.#whenReturned.delete(id)
    for (const resolve of waiting ?? []) resolve()
  }

  #tellIfEmpty(): void {
    if (this.#pending.size > 0) return
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }
}
