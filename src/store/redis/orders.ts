import { bounded } from '../bounded.js'
import type { DrainVerdict, Order, OrderReply, OrderRequest, OrderVerdict } from '../orders.js'
import type { Caller, ScriptCall } from './call.js'
import { expectLength, int, limitArg, limitOf, oneOf } from './codec.js'
import type { RedisKeys } from './keys.js'

const DRAIN_VERDICTS: readonly DrainVerdict[] = ['ordered', 'leaving', 'gone']
const VERDICTS: readonly OrderVerdict[] = [...DRAIN_VERDICTS, 'spared']

export function orderCall(keys: RedisKeys, caller: Caller, request: OrderRequest): ScriptCall<OrderReply> {
  const { kind, org, limit, ids } = request
  bounded(ids)
  return [
    [
      ...[keys.admission, keys.meta, keys.dead, keys.scope({ name: 'org', id: org })],
      ...[keys.orders(kind), ...keys.closingOrders, keys.evicted],
    ],
    ['order', ...caller, kind, limitArg(limit), ...ids],
    (rest) => readOrder(request, rest),
  ]
}

export function drainCall(keys: RedisKeys, caller: Caller, node: number): ScriptCall<DrainVerdict> {
  return [
    [keys.admission, keys.meta, keys.orders('drain')],
    ['drain', ...caller, node],
    ([word]) => oneOf(DRAIN_VERDICTS, word),
  ]
}

export function confirmCall(keys: RedisKeys, caller: Caller, orders: readonly Order[]): ScriptCall<void> {
  bounded(orders)
  return [
    [keys.admission, keys.meta, ...orders.map(({ kind }) => keys.orders(kind))],
    ['confirm', ...caller, ...orders.map(({ id }) => id)],
    () => undefined,
  ]
}

function readOrder({ ids }: OrderRequest, [count, leaving, limit, ...words]: unknown[]): OrderReply {
  expectLength(words, ids.length)
  const verdicts = words.map((word) => oneOf(VERDICTS, word))
  return { count: int(count), leaving: int(leaving), limit: limitOf(int(limit)), verdicts }
}
