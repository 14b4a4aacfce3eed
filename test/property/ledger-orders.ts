import type { DrainVerdict, Order, OrderKind } from '../../src/store/orders.js'

/** Who has been ordered to close what, as it follows from the promises: until it is confirmed, or the lease is dead. */
export class LedgerOrders {
  readonly #orders = new Map<string, { kind: OrderKind; lease: number }>()

  give(kind: OrderKind, id: string, lease: number): void {
    this.#orders.set(id, { kind, lease })
  }

  /** What is to be answered; and enters it. */
  drain(lease: number, live: boolean): DrainVerdict {
    if (!live) return 'gone'
    if (this.has(String(lease))) return 'leaving'
    this.give('drain', String(lease), lease)
    return 'ordered'
  }

  has(id: string): boolean {
    return this.#orders.has(id)
  }

  of(lease: number): Order[] {
    return [...this.#orders].filter(([, order]) => order.lease === lease).map(([id, { kind }]) => ({ kind, id }))
  }

  all(): string[] {
    return [...this.#orders].map(([id, { kind, lease }]) => `${kind} ${id} ${lease}`)
  }

  confirm(lease: number, orders: readonly Order[]): void {
    for (const { kind, id } of orders) {
      const given = this.#orders.get(id)
      if (given?.kind === kind && given.lease === lease) this.#orders.delete(id)
    }
  }

  forgetLease(lease: number): void {
    for (const [id, order] of this.#orders) if (order.lease === lease) this.#orders.delete(id)
  }

  clear(): void {
    this.#orders.clear()
  }
}
