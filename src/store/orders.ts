/**
 * What a node is asked to do with a connection that it owns. `evict`: close it, an operator wants it gone. `surplus`:
 * close it, its org holds more than it may. `takeover`: close it, a newer connection of its client has its slot.
 */
export type ClosingOrder = 'evict' | 'surplus' | 'takeover'

/** `drain`: the node itself is to stop, as SIGTERM would make it. */
export type OrderKind = ClosingOrder | 'drain'

/** In the order in which the verbs take their keys. A connection that has one of these is leaving. */
export const CLOSING_ORDERS: readonly ClosingOrder[] = ['evict', 'surplus', 'takeover']

/** All kinds, those that end a connection first. */
export const ORDER_KINDS: readonly OrderKind[] = [...CLOSING_ORDERS, 'drain']

/**
 * So long, and of so many connections, it is remembered that their slots were taken over; and of as many that they were
 * evicted, so that one who empties a large org makes nobody forget the takeovers of another (S5).
 */
export const REMEMBERED = { forMs: 600_000, connections: 100_000 } as const

export interface ProbeReply {
  /** How many other leases hold a slot of the scope and are to look; without those that have missed a beat. */
  readonly asked: number
}

export interface Order {
  readonly kind: OrderKind
  /** Of a connection; of the lease itself, as text, where a node is to drain. */
  readonly id: string
}

export interface OrderRequest {
  /** Takeovers are ordered by the verb of that name alone. */
  readonly kind: Exclude<ClosingOrder, 'takeover'>
  readonly org: string
  /** Slots that the org may hold where the store has no override; `Infinity` for unlimited. Only `surplus` asks. */
  readonly limit: number
  /** Connections in the order in which they should go; at most `MAX_ITEMS`. */
  readonly ids: readonly string[]
}

/**
 * - `ordered`: now.
 * - `leaving`: it was ordered to close before, and has not yet.
 * - `gone`: it holds no slot of the org under a live lease.
 * - `spared`: the org holds no more than it may, or will not once those that are leaving have left.
 */
export type OrderVerdict = 'ordered' | 'leaving' | 'gone' | 'spared'

/** The same words about a node: `leaving` was ordered to drain before, `gone` has no live lease. */
export type DrainVerdict = Exclude<OrderVerdict, 'spared'>

export interface OrderReply {
  /** Slots of live leases, how many of them are leaving after this call, and the limit in force. */
  readonly count: number
  readonly leaving: number
  readonly limit: number
  readonly verdicts: readonly OrderVerdict[]
}
