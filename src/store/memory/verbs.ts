import type { LeaseTiming } from '../../core/lease-timing.js'
import { scopeKey } from '../claims.js'
import type {
  AuditReply,
  Claim,
  Fence,
  HelloReply,
  HelloRequest,
  IndexEntry,
  ReassertVerdict,
  RenewReply,
  Reply,
  SlotRef,
  SweepReply,
  TakeoverClaim,
  Verdict,
} from '../lease-store.js'
import { MemoryAdmission } from './admission.js'
import { MemoryOrders } from './orders.js'
import { MemoryOverrides } from './overrides.js'
import { MemoryProbes } from './probes.js'
import { ok, refused } from './replies.js'
import type { MemoryTables } from './tables.js'

/** All on the store's own clock. A recovery of 0 ms is none: then no admission waits after a store without memory. */
type Times = Pick<LeaseTiming, 'ttlMs' | 'clockStepCapMs' | 'lateAfterMs' | 'recoveryMs' | 'recoveryLimitMs'>

/**
 * The verbs over plain tables: the executable specification. Whatever lua/ does must equal this, reply for reply; where
 * a rule is easier to say here than there, the Lua is too clever. Each verb is one indivisible step. What keeps a call to
 * Redis short is not in here (how many dead one renewal declares and tells, how many times it ends, how many late ones a
 * refusal looks at): it has tests of its own, `test/contract/redis-bounds.test.ts`.
 */
export class MemoryVerbs {
  readonly #t: MemoryTables
  readonly overrides: MemoryOverrides
  readonly orders: MemoryOrders
  readonly probes: MemoryProbes
  readonly #admission: MemoryAdmission
  readonly #times: Times
  readonly #nowMs: () => number

  constructor(tables: MemoryTables, times: Times, nowMs: () => number) {
    this.#t = tables
    this.overrides = new MemoryOverrides(tables, () => this.#advanceClock())
    this.orders = new MemoryOrders(tables)
    this.probes = new MemoryProbes(tables)
    this.#admission = new MemoryAdmission(tables, this.orders)
    this.#times = times
    this.#nowMs = nowMs
  }

  hello(request: HelloRequest): Reply<HelloReply> {
    const t = this.#t
    this.#advanceClock()
    // An address may lead to another store for a while and back to this one, which was asked nothing meanwhile.
    const lastEpoch = request.known?.epoch ?? request.lastEpoch
    const passedBy = lastEpoch !== undefined && lastEpoch !== t.epoch && dateOf(lastEpoch) >= dateOf(t.epoch)
    const newEpoch = t.rememberedIdentity !== t.identity || t.epoch === undefined || passedBy
    if (newEpoch) {
      for (const lease of t.live.keys()) this.#die(lease)
      t.late.clear()
      t.rememberedIdentity = t.identity
      // The hello that proposed the name may come again in a later life, of the same memory or of none: so the name has the
      // time in it, and a date later than all that is known here, because clocks differ and go back.
      const nowMs = this.#nowMs()
      const dateMs = Math.max(nowMs, dateOf(t.epoch) + 1, dateOf(lastEpoch) + 1)
      t.epoch = `${request.proposedEpoch}${nowMs}t${dateMs}`
      if (this.#times.recoveryLimitMs > 0) {
        const { recoveryMs, recoveryLimitMs } = this.#times
        t.recovery = { fromMs: t.clockMs + recoveryMs, limitMs: t.clockMs + recoveryLimitMs }
      }
    }
    const epoch = t.epoch as string
    const { lease, generation, known } = request
    const living = t.live.get(lease)
    if (known && known.epoch !== epoch) return refused('lost')
    if (known && !(living && living.generation >= known.generation)) return refused('fenced')
    if (!known && t.dead.has(lease)) return refused('fenced')
    if (living && living.generation >= generation) return refused('stale')
    const reasserting = known ? living?.reasserting === true : t.recovery !== undefined && request.reasserting
    t.live.set(lease, { generation, reasserting, expiresMs: t.clockMs + this.#times.ttlMs })
    if (!known) t.nodes.set(lease, request.nodeInfo)
    t.late.delete(lease)
    t.resumeSecret ??= request.proposedSecret
    const { resumeSecret } = t
    return ok({ epoch, newEpoch, recoveryMs: this.#recoveryLeft(), evictionPolicy: 'noeviction', resumeSecret })
  }

  acquire(fence: Fence, claims: readonly Claim[], how?: { readonly again: boolean }): Reply<Verdict[]> {
    return this.#admit(fence, () =>
      claims.map((claim) => this.#admission.decide(fence.lease, claim, how?.again ?? false)),
    )
  }

  takeover(fence: Fence, claims: readonly TakeoverClaim[]): Reply<Verdict[]> {
    return this.#admit(fence, () => claims.map((claim) => this.#admission.takeOver(fence.lease, claim)))
  }

  #admit(fence: Fence, decide: () => Verdict[]): Reply<Verdict[]> {
    const refusal = this.#fence(fence)
    if (refusal) return refusal
    const { recovery, clockMs } = this.#t
    if (recovery) {
      return { status: 'refused', reason: 'recovering', retryAfterMs: Math.max(0, recovery.fromMs - clockMs) }
    }
    return ok(decide())
  }

  release(fence: Fence, slots: readonly SlotRef[]): Reply<void> {
    return this.fenced(fence, () => {
      for (const slot of slots) this.#t.give(fence.lease, slot, { byName: true })
    })
  }

  renew(fence: Fence, ordersPassedOver = 0): Reply<RenewReply> {
    const t = this.#t
    const own = t.live.get(fence.lease)
    const refusal = this.#fence(fence)
    if (refusal || !own) return refusal ?? refused('fenced')
    this.#advanceClock()
    own.expiresMs = t.clockMs + this.#times.ttlMs
    for (const [lease, { expiresMs }] of t.live) {
      if (expiresMs > t.clockMs) continue
      this.#die(lease)
    }
    t.late.clear()
    for (const [lease, { expiresMs }] of t.live) {
      if (expiresMs <= t.clockMs + this.#times.ttlMs - this.#times.lateAfterMs) t.late.set(lease, expiresMs)
    }
    const recoveryMs = this.#recoveryLeft()
    const overrideVersion = this.overrides.expire()
    this.orders.forgetNotes()
    const orders = this.orders.of(fence.lease, ordersPassedOver)
    const probes = this.probes.tell(fence.lease)
    return ok({ recoveryMs, liveNodes: t.live.size, overrideVersion, orders, probes, dead: [...t.dead] })
  }

  sweep(fence: Fence, dead: number, entries: readonly IndexEntry[], batch: number): Reply<SweepReply> {
    const t = this.#t
    const refusal = this.#fence(fence)
    if (refusal) return refusal
    if (!t.dead.has(dead)) return ok({ next: [] })
    for (const entry of entries) this.#t.give(dead, entry, { byName: false })
    const next = [...t.index(dead).values()].slice(0, batch)
    if (next.length === 0) {
      t.dead.delete(dead)
      t.nodes.delete(dead)
    }
    return ok({ next })
  }

  leave(fence: Fence): Reply<void> {
    const t = this.#t
    return this.fenced(fence, () => {
      this.#die(fence.lease)
      t.late.delete(fence.lease)
      if (t.index(fence.lease).size > 0) return
      t.dead.delete(fence.lease)
      t.nodes.delete(fence.lease)
    })
  }

  reassert(
    fence: Fence,
    claims: readonly Claim[],
    { mode, final }: { readonly mode: 'keep' | 'room'; readonly final: boolean },
  ): Reply<ReassertVerdict[]> {
    return this.fenced(fence, () => {
      const words = claims.map((claim) => this.#reassertOne(fence.lease, claim, mode))
      const own = this.#t.live.get(fence.lease)
      if (final && own) own.reasserting = false
      return words
    })
  }

  #reassertOne(lease: number, claim: Claim, mode: 'keep' | 'room'): ReassertVerdict {
    if (this.orders.wasTaken(claim.id, claim.scopes[0])) return 'taken'
    if (this.orders.owes(lease, claim.id)) return 'ordered'
    for (const [i, scope] of claim.scopes.entries()) {
      const set = this.#t.scope(scopeKey(scope))
      const owner = set.get(claim.id)
      if (this.#admission.heldByAnother(owner, lease)) return 'conflict'
      if (mode === 'room' && owner !== lease && this.#t.living(set) >= this.#admission.limit(claim, i)) return 'full'
    }
    this.#t.take(lease, claim)
    this.orders.orderAgain(lease, claim.id)
    return 'kept'
  }

  audit(fence: Fence, cursor: string | undefined, slots: readonly SlotRef[]): Reply<AuditReply> {
    const index = this.#t.index(fence.lease)
    const holds = (slot: SlotRef) =>
      slot.scopes.every((scope) => this.#t.scope(scopeKey(scope)).get(slot.id) === fence.lease)
    return this.fenced(fence, () => ({
      cursor: '0',
      entries: cursor === undefined ? [] : [...index.values()],
      whole: slots.map((slot) => index.has(slot.id) && holds(slot)),
      evictionPolicy: cursor === '0' ? 'noeviction' : '',
    }))
  }

  #die(lease: number): void {
    this.#t.live.delete(lease)
    this.#t.dead.add(lease)
    this.orders.forget(lease)
    this.probes.forget(lease)
  }

  /** A verb of `overrides` or `orders`, or any other that is refused for nothing but its fence. */
  fenced<T>(fence: Fence, verb: () => T): Reply<T> {
    return this.#fence(fence) ?? ok(verb())
  }

  /** Rule 1. */
  #fence({ lease, generation, epoch }: Fence): Reply<never> | undefined {
    const known = this.#t.live.get(lease)
    if (this.#t.epoch !== epoch) return refused('lost')
    if (!known) return refused('fenced')
    return known.generation === generation ? undefined : refused('stale')
  }

  /** Neither a jump nor a freeze of the machine's clock advances the store's by more than the cap. */
  #advanceClock(): void {
    const t = this.#t
    const now = this.#nowMs()
    t.clockMs += Math.max(0, Math.min(this.#times.clockStepCapMs, now - (t.lastTimeMs ?? now)))
    t.lastTimeMs = now
  }

  #recoveryLeft(): number {
    const t = this.#t
    if (!t.recovery) return 0
    const waiting = [...t.live.values()].some((lease) => lease.reasserting)
    if (t.clockMs >= t.recovery.limitMs || (t.clockMs >= t.recovery.fromMs && !waiting)) {
      t.recovery = undefined
      return 0
    }
    return Math.max(1, t.recovery.fromMs - t.clockMs)
  }
}

/** When an epoch began, as its name has it. */
function dateOf(epoch: string | undefined): number {
  return Number(/t(\d+)$/.exec(epoch ?? '')?.[1] ?? 0)
}
