/**
 * What a node is asked to do with a connection that it owns. `evict`: close it, an operator wants it gone. `surplus`:
 * close it, its org holds more than it may.
 */
export type OrderKind = 'evict' | 'surplus'

/** All kinds, in the order in which the verbs take their keys. So far each of them ends the connection. */
export const ORDER_KINDS: readonly OrderKind[] = ['evict', 'surplus']

export interface Order {
  readonly kind: OrderKind
  /** Of a connection. */
  readonly id: string
}

export interface OrderRequest {
  readonly kind: OrderKind
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

export interface OrderReply {
  /** Slots of live leases, how many of them are leaving after this call, and the limit in force. */
  readonly count: number
  readonly leaving: number
  readonly limit: number
  readonly verdicts: readonly OrderVerdict[]
}
