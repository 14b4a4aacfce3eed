import { scopeKey } from '../claims.js'
import { MAX_ITEMS, type ScopeRef } from '../lease-store.js'
import {
  CLOSING_ORDERS,
  type DrainVerdict,
  ORDER_KINDS,
  type Order,
  type OrderReply,
  type OrderRequest,
  type OrderVerdict,
  REMEMBERED,
} from '../orders.js'
import type { MemoryTables } from './tables.js'

/**
 * Orders over plain tables: what lua/order, lua/drain and lua/confirm must equal. An order lives no longer than its
 * lease.
 */
export class MemoryOrders {
  readonly #t: MemoryTables

  constructor(tables: MemoryTables) {
    this.#t = tables
  }

  give({ kind, org, limit: given, ids }: OrderRequest): OrderReply {
    const set = this.#t.scope(scopeKey({ name: 'org', id: org }))
    const limit = this.#t.overrides.get(org) ?? given
    const count = this.#t.living(set)
    let leaving = [...set.keys()].filter((id) => this.#isLeaving(id)).length
    const verdicts = ids.map((id): OrderVerdict => {
      const owner = set.get(id)
      if (owner === undefined || !this.#t.live.has(owner)) return 'gone'
      if (kind === 'evict') this.#remember(this.#t.evicted, id)
      if (this.#isLeaving(id)) return 'leaving'
      if (kind === 'surplus' && count - leaving <= limit) return 'spared'
      this.#t.addOrder(kind, id, owner)
      leaving++
      return 'ordered'
    })
    return { count, leaving, limit, verdicts }
  }

  drain(lease: number): DrainVerdict {
    if (!this.#t.live.has(lease)) return 'gone'
    if (this.#t.orders('drain').has(String(lease))) return 'leaving'
    this.#t.addOrder('drain', String(lease), lease)
    return 'ordered'
  }

  /** Of each kind one page, in the order of the ids. */
  of(lease: number, passedOver: number): Order[] {
    return ORDER_KINDS.flatMap((kind) =>
      this.#t.ordersOf(kind, lease, passedOver, MAX_ITEMS).map((id) => ({ kind, id })),
    )
  }

  /** Rule 2: only what this lease was ordered. */
  confirm(lease: number, orders: readonly Order[]): void {
    for (const { kind, id } of orders) if (this.#t.orders(kind).get(id) === lease) this.#t.removeOrder(kind, id)
  }

  /** What the lease was ordered dies with it. */
  forget(lease: number): void {
    for (const kind of ORDER_KINDS) {
      for (const [id, owner] of this.#t.orders(kind)) if (owner === lease) this.#t.removeOrder(kind, id)
    }
  }

  /**
   * The slot of this connection is another's; whoever held it closes the connection, and that is all it is asked for.
   */
  takeOver(id: string, holder: number): void {
    if (!this.#t.live.has(holder)) return
    for (const kind of CLOSING_ORDERS) this.#t.removeOrder(kind, id)
    this.#t.addOrder('takeover', id, holder)
  }

  /** That a connection of an org was taken over, also one of which nothing is left here: its node may come back with it. */
  rememberTaken(id: string, org: ScopeRef): void {
    this.#remember(this.#t.taken, takenKey(id, org))
  }

  wasTaken(id: string, org: ScopeRef): boolean {
    return this.#t.taken.has(takenKey(id, org))
  }

  /** Ordered again where its node brings it back under another lease than was ordered to close it. */
  orderAgain(lease: number, id: string): void {
    if (this.#t.evicted.has(id)) this.#t.addOrder('evict', id, lease)
  }

  forgetNotes(): void {
    const { forMs, connections } = REMEMBERED
    for (const notes of [this.#t.taken, this.#t.evicted]) {
      for (const [id, sinceMs] of notes) {
        if (notes.size <= connections && sinceMs > this.#t.clockMs - forMs) break
        notes.delete(id)
      }
    }
  }

  /** The newest last, so that whoever forgets need not look at all of them. */
  #remember(notes: Map<string, number>, id: string): void {
    notes.delete(id)
    notes.set(id, this.#t.clockMs)
  }

  owes(lease: number, id: string): boolean {
    return CLOSING_ORDERS.some((kind) => this.#t.orders(kind).get(id) === lease)
  }

  #isLeaving(id: string): boolean {
    return CLOSING_ORDERS.some((kind) => this.#t.orders(kind).has(id))
  }
}

function takenKey(id: string, org: ScopeRef): string {
  return `${id} ${scopeKey(org)}`
}
