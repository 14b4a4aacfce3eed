import { type Clock, sleep } from '../../core/clock.js'
import type { ClosingCode } from '../../core/closures.js'
import type { EventBus } from '../../core/events.js'
import { MAX_ITEMS, type RenewReply } from '../../store/lease-store.js'
import type { ClosingOrder, Order } from '../../store/orders.js'
import type { HeldConnections } from '../held/held-connections.js'
import type { Session } from '../lease/session.js'
import type { ReleaseQueue } from '../queues/release-queue.js'

const CLOSING_OF: Readonly<Record<ClosingOrder, ClosingCode>> = {
  evict: 'EVICTED',
  surplus: 'OVER_LIMIT',
  takeover: 'TAKEN_OVER',
}

/** Between two pages of orders: so that who is evicted in thousands does not come back as one crowd. */
const PAGE_PAUSE_MS = 250

export interface OrderTakerParts {
  readonly clock: Clock
  readonly events: EventBus
  readonly held: HeldConnections
  readonly releases: ReleaseQueue
  /** Told of the renewals by which a long list is read: what the store tells once, such as probes, may come with them. */
  readonly onRenewed: (reply: RenewReply) => void
}

/**
 * Carries out what the store orders of this node's connections, at most a page of each kind at a time. An order is told
 * again by every renewal until it is confirmed, so nothing about it is remembered here: a connection that is open is
 * told to close, and one that is gone, its slot given back, is confirmed. Not sooner, because until then the order
 * keeps other nodes from closing one more in its place. That the node itself is to stop ends with its lease, and is
 * never confirmed.
 */
export class OrderTaker {
  readonly #parts: OrderTakerParts
  #drains = false
  #busy = false

  constructor(parts: OrderTakerParts) {
    this.#parts = parts
  }

  /** Told at every renewal; what a broken session leaves undone is told again by the next. */
  take(session: Session, orders: readonly Order[]): void {
    if (!this.#drains && orders.some(({ kind }) => kind === 'drain')) {
      this.#drains = true
      this.#parts.events.emit('drain.ordered', {})
    }
    if (!this.#busy && orders.length > 0) void this.#work(session, orders)
  }

  async #work(session: Session, orders: readonly Order[]): Promise<void> {
    this.#busy = true
    try {
      let page: readonly Order[] | undefined = orders
      for (let passedOver = MAX_ITEMS; page; passedOver += MAX_ITEMS) {
        page = (await this.#obey(session, page)) ? await this.#next(session, page, passedOver) : undefined
      }
    } finally {
      this.#busy = false
    }
  }

  /** False if the session ended over it. */
  async #obey(session: Session, orders: readonly Order[]): Promise<boolean> {
    const { events, held, releases } = this.#parts
    const done: Order[] = []
    for (const order of orders) {
      if (order.kind === 'drain') continue
      const connection = held.get(order.id)
      if (connection?.state === 'held' && !connection.leaving) {
        const closing = CLOSING_OF[order.kind]
        connection.leave(closing)
        events.emit('order.obeyed', { connectionId: order.id, org: connection.org, closing })
      }
      if (!connection && !releases.has(order.id)) done.push(order)
    }
    for (let from = 0; from < done.length; from += MAX_ITEMS) {
      const some = done.slice(from, from + MAX_ITEMS)
      const reply = await session.call((connection, fence) => connection.confirm(fence, some))
      if (reply.status !== 'ok') return false
    }
    return true
  }

  /** The page after this one; `undefined` where this was the last. A renewal more than is due does no harm. */
  async #next(session: Session, page: readonly Order[], passedOver: number): Promise<readonly Order[] | undefined> {
    if (page.length < MAX_ITEMS) return undefined
    await sleep(this.#parts.clock, PAGE_PAUSE_MS, session.ended)
    const reply = await session.call((connection, fence) => connection.renew(fence, passedOver))
    if (reply.status !== 'ok') return undefined
    this.#parts.onRenewed(reply.value)
    return reply.value.orders
  }
}
