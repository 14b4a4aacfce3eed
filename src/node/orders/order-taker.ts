import { type Clock, sleep } from '../../core/clock.js'
import type { ClosingCode } from '../../core/closures.js'
import type { EventBus } from '../../core/events.js'
import { MAX_ITEMS, type RenewReply } from '../../store/lease-store.js'
import { type ClosingOrder, ORDER_KINDS, type Order, type OrderKind } from '../../store/orders.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { HeldConnections } from '../held/held-connections.js'
import type { Session } from '../lease/session.js'
import type { ReleaseQueue } from '../queues/release-queue.js'
import { ClosingLine } from './closing-line.js'
import { ClosingPace, PACE_PAUSE_MS } from './closing-pace.js'

const CLOSING_OF: Readonly<Record<ClosingOrder, ClosingCode>> = {
  evict: 'EVICTED',
  surplus: 'OVER_LIMIT',
  takeover: 'TAKEN_OVER',
}

export interface OrderTakerParts {
  readonly clock: Clock
  readonly events: EventBus
  readonly held: HeldConnections
  readonly releases: ReleaseQueue
  /** Told of the renewals by which a long list is read: what the store tells once, such as probes, may come with them. */
  readonly onRenewed: (reply: RenewReply) => void
  /** Shared by the buckets of a process; one of its own where absent. */
  readonly pace?: ClosingPace | undefined
}

/**
 * Carries out what the store orders of this node's connections. A renewal brings a page of each kind, and what is behind
 * that is read at once, page after page. Those that a kind with less than a page names are closed there and then, those
 * of a longer one at a pace and by turns of their orgs, so that nobody waits for the thousands of another (ADR 26).
 * Takeovers have no pace: their clients have come back already.
 *
 * An order is told again by every renewal until it is confirmed, so nothing about it is remembered here, but for who is
 * in the line, and that only as long as the session lasts. A connection that is open is told to close, and one that is
 * gone, its slot given back, is confirmed. Not sooner, because until then the order keeps other nodes from closing one
 * more in its place. That the node itself is to stop ends with its lease, and is never confirmed.
 */
export class OrderTaker {
  readonly #parts: OrderTakerParts
  readonly #line = new ClosingLine()
  readonly #pace: ClosingPace
  #drains = false
  #reading = false
  #pacing = false

  constructor(parts: OrderTakerParts) {
    this.#parts = parts
    this.#pace = parts.pace ?? new ClosingPace()
  }

  /** Told at every renewal; what a broken session leaves undone is told again by the next. */
  take(session: Session, orders: readonly Order[]): void {
    if (orders.length === 0) return
    if (!this.#drains && orders.some(({ kind }) => kind === 'drain')) {
      this.#drains = true
      this.#parts.events.emit('drain.ordered', {})
    }
    const long = longKinds(orders)
    const gone = this.#obey(session, orders, (kind) => long.has(kind))
    if (!this.#reading) void this.#finish(session, gone, long.size > 0)
  }

  /** Reads what is behind the first page, and confirms what is gone. */
  async #finish(session: Session, gone: Order[], isLong: boolean): Promise<void> {
    this.#reading = true
    try {
      this.#line.tidy()
      let more = isLong
      for (let passedOver = MAX_ITEMS; more; passedOver += MAX_ITEMS) {
        const reply = await session.call((connection, fence) => connection.renew(fence, passedOver))
        if (reply.status !== 'ok') return
        this.#parts.onRenewed(reply.value)
        const { orders } = reply.value
        gone.push(...this.#obey(session, orders, () => true))
        more = longKinds(orders).size > 0
      }
      await this.#confirm(session, gone)
    } finally {
      this.#reading = false
    }
  }

  /** Closes who is to be closed, or puts it in the line. Returns the orders of those that are gone. */
  #obey(session: Session, orders: readonly Order[], isLong: (kind: OrderKind) => boolean): Order[] {
    const { held, releases } = this.#parts
    const gone: Order[] = []
    for (const order of orders) {
      const { kind, id } = order
      if (kind === 'drain') continue
      const connection = held.get(id)
      if (!connection && !releases.has(id)) gone.push(order)
      if (!connection?.staying) continue
      if (kind !== 'takeover' && isLong(kind)) this.#line.add(connection, CLOSING_OF[kind])
      else this.#close(connection, CLOSING_OF[kind])
    }
    if (!this.#pacing) void this.#closeAtPace(session)
    return gone
  }

  /** Until the line is empty: also who is added meanwhile has its turn. */
  async #closeAtPace(session: Session): Promise<void> {
    this.#pacing = true
    this.#pace.enter()
    try {
      while (!session.end && this.#line.size > 0) {
        for (let left = this.#pace.atOnce; left > 0; left--) {
          const next = this.#line.next()
          if (!next) break
          this.#close(next.connection, next.closing)
        }
        await sleep(this.#parts.clock, PACE_PAUSE_MS, session.ended)
      }
    } finally {
      // The lease may have ended with the session, and its orders with the lease: others may close somebody else instead.
      this.#line.clear()
      this.#pace.leave()
      this.#pacing = false
    }
  }

  #close(connection: HeldConnection, closing: ClosingCode): void {
    connection.leave(closing)
    this.#parts.events.emit('order.obeyed', { connectionId: connection.id, org: connection.org, closing })
  }

  /** Only once all is read: whatever is behind those that are confirmed moves up, and would be passed over. */
  async #confirm(session: Session, gone: readonly Order[]): Promise<void> {
    for (let from = 0; from < gone.length; from += MAX_ITEMS) {
      const some = gone.slice(from, from + MAX_ITEMS)
      const reply = await session.call((connection, fence) => connection.confirm(fence, some))
      if (reply.status !== 'ok') return
    }
  }
}

/** Of which the store has told a whole page: there may be more. */
function longKinds(page: readonly Order[]): ReadonlySet<OrderKind> {
  return new Set(ORDER_KINDS.filter((one) => page.filter(({ kind }) => kind === one).length >= MAX_ITEMS))
}
