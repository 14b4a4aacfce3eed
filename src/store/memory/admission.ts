import { reservedOf } from '../../core/reserve.js'
import { scopeKey } from '../claims.js'
import type { Claim, TakeoverClaim, Verdict } from '../lease-store.js'
import type { MemoryOrders } from './orders.js'
import type { MemoryTables, ScopeSet } from './tables.js'

/** Who is admitted: what lua/acquire and lua/takeover must equal. */
export class MemoryAdmission {
  readonly #t: MemoryTables
  readonly #orders: MemoryOrders

  constructor(tables: MemoryTables, orders: MemoryOrders) {
    this.#t = tables
    this.#orders = orders
  }

  /** Decides as if the replaced connection had left already; it leaves if the answer is yes, and else stays. */
  takeOver(lease: number, claim: TakeoverClaim): Verdict {
    const { id, replaces } = claim
    const keys = claim.scopes.map(scopeKey)
    const mine = this.#t.scope(keys[0]!).get(id) === lease
    // Further scopes may be shared with other orgs, whose connections nobody replaces (S5).
    const isOfOrg = !mine && id !== replaces && this.#t.scope(keys[0]!).has(replaces)
    const left = isOfOrg ? keys.filter((key) => this.#t.scope(key).has(replaces)) : []
    // Who holds a slot already takes nothing of what is kept for others.
    const { reserve, ...open } = claim
    const holder = left.includes(keys[0]!) ? this.#t.scope(keys[0]!).get(replaces) : undefined
    const asked = holder !== undefined && this.#t.live.has(holder) ? open : claim
    const verdict = this.decide(lease, asked, true, left.length > 0 ? replaces : undefined)
    if (verdict.admitted && !mine && id !== replaces) this.#orders.rememberTaken(replaces, claim.scopes[0])
    if (!verdict.admitted || left.length === 0) return verdict
    for (const key of left) {
      const holder = this.#t.scope(key).get(replaces)!
      this.#t.remove(key, replaces)
      this.#orders.takeOver(replaces, holder)
    }
    return { ...verdict, tookOver: true }
  }

  decide(lease: number, claim: Claim, again: boolean, without?: string): Verdict {
    const sets = claim.scopes.map((scope) => this.#t.scope(scopeKey(scope)))
    const mine = sets[0]?.get(claim.id) === lease
    const spared = again && mine
    const reserved = reservedOf(this.limit(claim, 0), claim.reserve)
    const kept = reserved > 0 && { reserved }
    let org = { count: 0, limit: 0 }
    for (const [i, set] of sets.entries()) {
      const limit = this.limit(claim, i) - (i === 0 ? reserved : 0)
      const size = set.size - (isIn(set, without) ? 1 : 0)
      const count = size >= limit && !spared ? this.#livingWithout(set, without) : size
      if (count >= limit && !spared) {
        const freeInMs = this.#t.freeInMs(set)
        const denied = { admitted: false, reason: 'full', scope: i, count, limit, ...(i === 0 && kept) } as const
        return freeInMs === undefined ? denied : { ...denied, freeInMs }
      }
      if (i === 0) org = { count: mine ? count : count + 1, limit }
    }
    if (sets.some((set) => this.heldByAnother(set.get(claim.id), lease))) return { admitted: false, reason: 'conflict' }
    if (!mine) this.#t.take(lease, claim)
    return { admitted: true, ...org, ...kept }
  }

  #livingWithout(set: ScopeSet, without: string | undefined): number {
    const isLiving = isIn(set, without) && this.#t.live.has(set.get(without)!)
    return this.#t.living(set) - (isLiving ? 1 : 0)
  }

  heldByAnother(owner: number | undefined, lease: number): boolean {
    return owner !== undefined && owner !== lease && this.#t.live.has(owner)
  }

  limit(claim: Claim, scope: number): number {
    const override = scope === 0 ? this.#t.overrides.get(claim.scopes[0].id) : undefined
    return override ?? claim.scopes[scope]?.limit ?? 0
  }
}

function isIn(set: ScopeSet, id: string | undefined): id is string {
  return id !== undefined && set.has(id)
}
