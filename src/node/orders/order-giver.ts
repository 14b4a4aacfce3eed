import { UsageError } from '../../core/errors.js'
import type { EventBus } from '../../core/events.js'
import { checkOrg } from '../../core/org-id.js'
import { type BucketInspector, type Holder, MAX_ITEMS } from '../../store/lease-store.js'
import type { DrainVerdict, OrderReply, OrderRequest } from '../../store/orders.js'
import { confirmed } from '../lease/confirmed.js'
import type { Session } from '../lease/session.js'
import { byAge } from './by-age.js'
import { MAX_HOLDERS } from './holders.js'

export type EvictionRequest = { readonly connectionId: string } | { readonly orgId: string }

/** What an org was found to hold above its limit. */
export interface Excess {
  readonly currentCount: number
  /** The limit in force, or the one without an override. */
  readonly maxAllowed: number
  /** Those among whom it was found; absent where nobody had to look at them. */
  readonly holders?: readonly Holder[]
}

export interface Evicted {
  /** How many connections their owners were told to close by this call. */
  readonly ordered: number
  /** How many of the named were on their way out already. */
  readonly leaving: number
  /** The org holds more connections than one call looks at: say it again for the rest. */
  readonly truncated: boolean
}

/** Throws `INVALID_ORG` for what names nobody, or both: which of them was to be closed nobody could say. */
export function checkWhom(whom: EvictionRequest): void {
  const named: { readonly connectionId?: unknown; readonly orgId?: unknown } = Object(whom)
  // Whose id of a connection got lost on the way does not mean all that the org holds.
  const isOrg = !('connectionId' in named) && named.orgId !== undefined
  if (!(isOrg || (typeof named.connectionId === 'string' && named.orgId === undefined))) {
    throw new UsageError('INVALID_ORG', "evict takes { connectionId } or { orgId }, as text: evict({ orgId: 'acme' })")
  }
  if (isOrg) checkOrg(named.orgId)
}

/**
 * Asks owners to close connections, on whatever node those are. An order is durable: it stands in the store until the
 * owner has obeyed, or its lease is dead. All reject with `StoreUnavailable` when the store does not confirm it; saying
 * it again is harmless.
 */
export class OrderGiver {
  readonly #inspector: BucketInspector
  readonly #events: EventBus
  readonly #session: () => Session | undefined

  constructor(parts: { inspector: BucketInspector; events: EventBus; session: () => Session | undefined }) {
    this.#inspector = parts.inspector
    this.#events = parts.events
    this.#session = parts.session
  }

  /**
   * Evicts one connection, or all that an org holds at this moment. What connects afterwards is let in: lower the limit
   * to keep it out. Nothing is ordered where no live node holds such a connection. Throws `INVALID_ORG`.
   */
  async evict(whom: EvictionRequest, reason?: string): Promise<Evicted> {
    checkWhom(whom)
    if ('connectionId' in whom) {
      const org = await this.#inspector.orgOf(whom.connectionId)
      if (org === undefined) return { ordered: 0, leaving: 0, truncated: false }
      return this.#evict(org, [whom.connectionId], reason)
    }
    const { orgId } = whom
    const holders = await this.#inspector.holders(orgId, MAX_HOLDERS)
    const ids = holders.map(({ id }) => id)
    return { ...(await this.#evict(orgId, ids, reason)), truncated: holders.length === MAX_HOLDERS }
  }

  /**
   * Closes what an org holds above its limit, the newest or the oldest first. However many nodes do it at once, none
   * too many is ordered (S1). False if there is more to do.
   */
  async closeSurplus(org: string, excess: Excess, first: 'newest' | 'oldest'): Promise<boolean> {
    const { currentCount, maxAllowed: limit, holders = await this.#inspector.holders(org, MAX_HOLDERS) } = excess
    // Others who were let in since then, by a higher limit than any of these has, make none of these one too many.
    const ids = byAge(holders, first).slice(0, Math.max(0, currentCount - limit))
    let [ordered, done] = [0, false]
    for (let from = 0; from < ids.length && !done; from += MAX_ITEMS) {
      const reply = await this.#order({ kind: 'surplus', org, limit, ids: ids.slice(from, from + MAX_ITEMS) })
      ordered += reply.verdicts.filter((verdict) => verdict === 'ordered').length
      done = reply.count - reply.leaving <= reply.limit
    }
    if (ordered > 0) this.#events.emit('orders.given', { org, kind: 'surplus', ordered })
    return done
  }

  /** Orders the node that holds this lease to stop; `gone` where no live node does. */
  drain(lease: number): Promise<DrainVerdict> {
    return confirmed(this.#session(), (connection, fence) => connection.drain(fence, lease))
  }

  async #evict(org: string, ids: readonly string[], reason: string | undefined): Promise<Evicted> {
    let [ordered, leaving] = [0, 0]
    for (let from = 0; from < ids.length; from += MAX_ITEMS) {
      const some = ids.slice(from, from + MAX_ITEMS)
      const { verdicts } = await this.#order({ kind: 'evict', org, limit: Number.POSITIVE_INFINITY, ids: some })
      ordered += verdicts.filter((verdict) => verdict === 'ordered').length
      leaving += verdicts.filter((verdict) => verdict === 'leaving').length
    }
    if (ordered > 0) this.#events.emit('orders.given', { org, kind: 'evict', ordered, ...(reason && { reason }) })
    return { ordered, leaving, truncated: false }
  }

  #order(request: OrderRequest): Promise<OrderReply> {
    return confirmed(this.#session(), (connection, fence) => connection.order(fence, request))
  }
}
