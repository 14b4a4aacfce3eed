import { MAX_ITEMS, type SlotRef } from '../store/lease-store.js'
import type { Session } from './session.js'

/**
 * Slots to give back. Each stays here until the store has confirmed it, over as many connections as that takes: after
 * an unanswered call this is what settles. Bounded by the connections the node has had open.
 */
export class ReleaseQueue {
  readonly #pending = new Map<string, SlotRef>()
  #session: Session | undefined
  #inFlight = false
  #whenEmpty: (() => void)[] = []
  readonly #whenReturned = new Map<string, () => void>()

  get size(): number {
    return this.#pending.size
  }

  has(id: string): boolean {
    return this.#pending.has(id)
  }

  add(slot: SlotRef): void {
    this.#pending.set(slot.id, slot)
    this.#flush()
  }

  open(session: Session): void {
    this.#session = session
    this.#flush()
  }

  close(): void {
    this.#session = undefined
  }

  /** The lease of these slots is dead: they are swept with it. */
  forget(): void {
    for (const id of [...this.#pending.keys()]) this.#returned(id)
    this.#settled()
  }

  /** Resolves when this slot is confirmed, or at once if it is not here; one asks at a time, and brings the deadline. */
  whenReturned(id: string): Promise<void> {
    return this.#pending.has(id) ? new Promise((resolve) => this.#whenReturned.set(id, resolve)) : Promise.resolve()
  }

  /** Resolves when all is confirmed; the caller brings the deadline. */
  whenEmpty(): Promise<void> {
    return this.#pending.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  async #flush(): Promise<void> {
    const session = this.#session
    if (!session || this.#inFlight) return
    this.#inFlight = true
    while (this.#pending.size > 0 && !session.end) {
      const batch: SlotRef[] = []
      for (const slot of this.#pending.values()) {
        batch.push(slot)
        if (batch.length === MAX_ITEMS) break
      }
      const reply = await session.call((connection, fence) => connection.release(fence, batch))
      if (reply.status !== 'ok') break
      for (const slot of batch) this.#returned(slot.id)
    }
    this.#inFlight = false
    this.#settled()
    // The session may have been replaced while the last call was under way.
    if (this.#session && this.#session !== session) this.#flush()
  }

  #returned(id: string): void {
    this.#pending.delete(id)
    this.#whenReturned.get(id)?.()
    this.#whenReturned.delete(id)
  }

  #settled(): void {
    if (this.#pending.size > 0) return
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }
}
