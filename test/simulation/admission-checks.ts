import { scopeKey } from '../../src/store/claims.js'
import type { Claim, Fence, Reply, TakeoverClaim, Verdict } from '../../src/store/lease-store.js'
import type { MemoryTables } from '../../src/store/memory/tables.js'
import type { MemoryVerbs } from '../../src/store/memory/verbs.js'
import { LifeNotes } from './life-notes.js'

type Asked = Claim | TakeoverClaim

/** Watches where it is decided, and knows of whom a slot was taken over. */
export class AdmissionChecks {
  readonly #violated: (what: string) => void
  readonly #taken = new LifeNotes()

  constructor(violated: (what: string) => void) {
    this.#violated = violated
  }

  /**
   * S1, S2: no scope that was given a slot has more living ones than its limit. S4: who holds a slot is not told that
   * there is none. S6: nobody is told so while there is one; L2: nor is somebody of whose slots one is its own.
   */
  watch(verbs: MemoryVerbs, tables: MemoryTables): void {
    const [acquire, takeover] = [verbs.acquire.bind(verbs), verbs.takeover.bind(verbs)]
    verbs.acquire = (fence, claims, how) =>
      this.#judge({ tables, fence, claims, again: how?.again === true }, () => acquire(fence, claims, how))
    verbs.takeover = (fence, claims) =>
      this.#judge({ tables, fence, claims, again: true }, () => takeover(fence, claims))
  }

  /** L2: that this connection of an org was taken over in the life that the store has now. */
  wasTaken(tables: MemoryTables, id: string, org: string): boolean {
    return this.#taken.of(tables).has(`${id} ${org}`)
  }

  #judge(
    asked: { tables: MemoryTables; fence: Fence; claims: readonly Asked[]; again: boolean },
    decide: () => Reply<Verdict[]>,
  ): Reply<Verdict[]> {
    const { tables, fence, claims, again } = asked
    const limits = limitsOf(tables, claims)
    const before = new Map([...limits.keys()].map((key) => [key, living(tables, key)]))
    const held = claims.map(({ id, scopes }) => tables.scope(scopeKey(scopes[0])).get(id) === fence.lease)
    const ghosts = claims.map((claim) => ghostOf(tables, claim))
    const reply = decide()
    for (const [key, had] of before) {
      const [has, limit] = [living(tables, key), limits.get(key)!]
      if (has > had && has > limit) this.#violated(`S1: ${key} was given slot ${has} of ${limit}`)
    }
    for (const [i, verdict] of (reply.status === 'ok' ? reply.value : []).entries()) {
      const claim = claims[i] as Asked
      const [org] = claim.scopes
      if (verdict.admitted && 'replaces' in claim) this.#taken.of(tables).add(`${claim.replaces} ${org.id}`)
      if (verdict.admitted || verdict.reason !== 'full') continue
      if (held[i] && again) this.#violated(`S4: ${claim.id} holds a slot and was told that there is none`)
      // The answer to a question that comes a second time is heard by nobody.
      if (held[i]) continue
      const key = scopeKey(claim.scopes[verdict.scope]!)
      const isOwn = ghosts[i] !== undefined && tables.scope(key).has(ghosts[i])
      const [has, limit] = [living(tables, key), limits.get(key)!]
      // Whose own slot it is takes nothing of what is kept for others.
      const kept = verdict.scope === 0 && !ghosts[i] ? keptOf(claim, limit) : 0
      if (has - (isOwn ? 1 : 0) < limit - kept) {
        this.#violated(`${isOwn ? 'L2' : 'S6'}: ${claim.id} was refused with ${has} of ${limit} slots taken`)
      }
    }
    return reply
  }
}

function living(tables: MemoryTables, key: string): number {
  return tables.living(tables.scope(key))
}

/** In one call claims of one org may have come with different limits: then the highest is what none may exceed. */
function limitsOf(tables: MemoryTables, claims: readonly Asked[]): Map<string, number> {
  const limits = new Map<string, number>()
  for (const { scopes } of claims) {
    for (const [i, scope] of scopes.entries()) {
      const limit = (i === 0 ? tables.overrides.get(scope.id) : undefined) ?? scope.limit
      limits.set(scopeKey(scope), Math.max(limit, limits.get(scopeKey(scope)) ?? 0))
    }
  }
  return limits
}

function keptOf({ reserve }: Asked, limit: number): number {
  return reserve && 'slots' in reserve ? Math.min(reserve.slots, limit) : 0
}

/** The connection that the claim replaces, if that holds a slot of the org under a live lease. */
function ghostOf(tables: MemoryTables, claim: Asked): string | undefined {
  if (!('replaces' in claim)) return undefined
  const lease = tables.scope(scopeKey(claim.scopes[0])).get(claim.replaces)
  return lease !== undefined && tables.live.has(lease) ? claim.replaces : undefined
}
