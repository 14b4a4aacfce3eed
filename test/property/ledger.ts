import { isMadeUnder } from '../../src/core/connection-id.js'
import type { LeaseTiming } from '../../src/core/lease-timing.js'
import type {
  AuditReply,
  Claim,
  Fence,
  HelloRequest,
  ProbeReply,
  ReassertVerdict,
  RenewReply,
  ScopeRef,
  SweepReply,
  TakeoverClaim,
  Verdict,
} from '../../src/store/lease-store.js'
import type { OrderReply, OrderRequest } from '../../src/store/orders.js'
import type { LearnReply, RestoreVerdict } from '../../src/store/override-records.js'
import { fingerprint, type StoreContents } from '../support/store-contents.js'
import { must } from './broken-promise.js'
import { LedgerOrders } from './ledger-orders.js'
import { OverrideLedger } from './ledger-overrides.js'
import { LedgerProbes } from './ledger-probes.js'
import type { Answer, Call } from './world.js'

const show = (value: unknown) => JSON.stringify(value)
const keyOf = (scope: ScopeRef) => `${scope.name}:${scope.id}`
/** An epoch bears its date. */
const dateOf = (epoch = '') => Number(/t(\d+)$/.exec(epoch)?.[1] ?? 0)

/**
 * A bookkeeping of its own, made from the promises and from nothing the store says about itself: who holds which
 * connection, whole (S2), under which lease. The sets of Redis must follow from it after every call.
 */
export class Ledger {
  readonly #timing: LeaseTiming
  readonly #held = new Map<string, { lease: number; scopes: readonly string[] }>()
  readonly #live = new Map<number, { generation: number; expiresMs: number }>()
  readonly #dead = new Set<number>()
  /** Who had missed a beat at the last renewal of anybody, and has said nothing since. */
  #late = new Set<number>()
  readonly #overrides = new OverrideLedger()
  readonly #orders = new LedgerOrders()
  readonly #probes = new LedgerProbes()
  /** Whose slot was handed on: nobody adds it again. No sequence is so long that this would be forgotten. */
  readonly #taken = new Set<string>()
  readonly #evicted = new Set<string>()
  /** Of those whose last slot was handed on: in the index of the lease that held it until that gives it back. */
  readonly #handedOn = new Set<string>()
  #epoch: string | undefined
  readonly #epochs = new Set<string>()
  /** When each epoch of all memories began, on the clock of the store's machine. */
  readonly #began = new Map<string, number>()
  #memoryLost = true
  #clockMs = 0
  #lastTimeMs: number | undefined

  constructor(timing: LeaseTiming) {
    this.#timing = timing
  }

  wiped(): void {
    for (const table of [this.#held, this.#live, this.#dead, this.#late, this.#overrides, this.#orders, this.#probes])
      table.clear()
    for (const table of [this.#epochs, this.#taken, this.#evicted, this.#handedOn]) table.clear()
    this.#epoch = undefined
    this.#memoryLost = true
    this.#clockMs = 0
    this.#lastTimeMs = undefined
  }

  becameAnother(): void {
    this.#memoryLost = true
  }

  /** Throws a `BrokenPromise` unless `call`, answered so at `nowMs`, kept every promise. */
  enter(call: Call, answer: Answer, nowMs: number, before: StoreContents, after: StoreContents): void {
    if (call.verb === 'hello') this.#hello(call.request, answer, nowMs, after.epoch)
    else if (this.#mayAct(call, answer, before, after)) this.#act(call, answer, nowMs, before, after)
    this.#agree(after)
  }

  /** S3 and rule 1: what is not said under the live lease, generation and epoch changes nothing, and is told why. */
  #mayAct(
    call: Exclude<Call, { verb: 'hello' }>,
    answer: Answer,
    before: StoreContents,
    after: StoreContents,
  ): boolean {
    const refusal =
      this.#refusalOf(call.fence) ??
      ((call.verb === 'acquire' || call.verb === 'takeover') && before.recovery ? 'recovering' : undefined)
    const given = answer.status === 'refused' ? answer.reason : undefined
    must(
      'S3',
      refusal === given,
      () => `${call.verb} under ${show(call.fence)}: expected ${refusal}, got ${show(answer)}`,
    )
    if (refusal === undefined) return true
    must('S3', fingerprint(before) === fingerprint(after), () => `a ${refusal} ${call.verb} changed something`)
    return false
  }

  #refusalOf({ lease, generation, epoch }: Fence): string | undefined {
    if (epoch !== this.#epoch) return 'lost'
    const live = this.#live.get(lease)
    if (!live) return 'fenced'
    return live.generation === generation ? undefined : 'stale'
  }

  #act(
    call: Exclude<Call, { verb: 'hello' }>,
    answer: Answer,
    nowMs: number,
    before: StoreContents,
    after: StoreContents,
  ): void {
    const value = answer.status === 'ok' ? answer.value : undefined
    const { lease } = call.fence
    switch (call.verb) {
      case 'acquire':
        this.#acquire(lease, call, value as Verdict[], after)
        break
      case 'takeover':
        this.#takeOver(lease, call.claims, value as Verdict[], after)
        break
      case 'release':
        for (const { id } of call.claims) this.#giveBack(id, lease, isMadeUnder(lease, id))
        break
      case 'renew':
        this.#renew(lease, value as RenewReply, nowMs)
        break
      case 'sweep':
        if (!this.#dead.has(call.dead)) break
        for (const { id } of call.entries) this.#giveBack(id, call.dead)
        if ((value as SweepReply).next.length === 0) this.#forget(call.dead)
        break
      case 'leave':
        this.#live.delete(lease)
        this.#orders.forgetLease(lease)
        this.#probes.tell(lease)
        if (this.#heldBy(lease).length > 0) this.#dead.add(lease)
        break
      case 'reassert':
        for (const [i, claim] of call.claims.entries()) {
          const given = (value as ReassertVerdict[])[i]
          const due = this.#reassertOne(lease, claim, call.mode)
          must(call.mode === 'keep' ? 'R1' : 'S1', given === due, () => `${claim.id} is ${given}, should be ${due}`)
        }
        break
      case 'override':
        this.#tick(nowMs)
        this.#overrides.set(call, this.#clockMs)
        break
      case 'learn':
        this.#overrides.learned(call.after, value as LearnReply, this.#clockMs)
        break
      case 'restore':
        this.#overrides.restored(call.records, value as RestoreVerdict[], before.recovery !== undefined, this.#clockMs)
        break
      case 'audit':
        this.#audit(lease, call.claims, value as AuditReply, call.cursor !== undefined)
        break
      case 'order':
        this.#order(call.request, value as OrderReply)
        break
      case 'drain': {
        const due = this.#orders.drain(call.other, this.#live.has(call.other))
        must('L5', value === due, () => `to drain ${call.other} was answered ${show(value)}, should be ${due}`)
        break
      }
      case 'probe':
        this.#probe(lease, call.scope, value as ProbeReply)
        break
      case 'confirm':
        this.#orders.confirm(lease, call.orders)
    }
  }

  #acquire(
    lease: number,
    { claims, again }: Pick<Extract<Call, { verb: 'acquire' }>, 'claims' | 'again'>,
    verdicts: readonly Verdict[],
    after: StoreContents | undefined,
  ): void {
    const newest = new Map<string, number>()
    for (const [i, claim] of claims.entries()) {
      const verdict = verdicts[i]!
      const held = this.#held.get(claim.id)
      const owner = held?.lease
      const mine = owner === lease && held?.scopes.includes(keyOf(claim.scopes[0]))
      const full = claim.scopes.findIndex((_, scope) => this.#living(claim, scope) >= this.#limitOf(claim, scope))
      if (mine && (again || full < 0)) {
        must('S4', verdict.admitted, () => `${claim.id} is held, and asked again it was told ${show(verdict)}`)
        continue
      }
      if (full >= 0) {
        const kept = full === 0 ? this.#keptFromOthers(claim) : 0
        const due = {
          ...{ scope: full, count: this.#living(claim, full), limit: this.#limitOf(claim, full) },
          ...(kept > 0 && { reserved: kept }),
        }
        must('S1', !verdict.admitted, () => `${claim.id} was admitted where ${show(due)}`)
        must('S6', show({ ...verdict, ...due }) === show(verdict), () => `${show(verdict)} where ${show(due)}`)
      } else if (owner !== undefined && owner !== lease && this.#live.has(owner)) {
        must('rule 2', show(verdict) === '{"admitted":false,"reason":"conflict"}', () => `taken from ${owner}`)
      } else {
        must('S6', verdict.admitted, () => `${claim.id} was told ${show(verdict)} where all scopes have room`)
        this.#held.set(claim.id, { lease, scopes: claim.scopes.map(keyOf) })
        for (const [scope, of] of claim.scopes.entries()) newest.set(keyOf(of), this.#limitOf(claim, scope))
      }
    }
    // Once more, from the sets and the leases as Redis has them.
    if (after === undefined) return
    for (const [scope, limit] of newest) {
      const living = [...(after.scopes.get(scope)?.values() ?? [])].filter((holder) => after.live.has(holder))
      must('S1', living.length <= limit, () => `${scope} has ${living.length} of ${limit} after an admission`)
    }
  }

  /** S1, S2: a claim is decided as if the replaced one had left, which then leaves in the same step, or stays. */
  #takeOver(lease: number, claims: readonly TakeoverClaim[], verdicts: readonly Verdict[], after: StoreContents): void {
    for (const [i, claim] of claims.entries()) {
      const [old, verdict] = [this.#held.get(claim.replaces), verdicts[i]!]
      const asked = claim.scopes.map(keyOf)
      const held = this.#held.get(claim.id)
      const mine = held?.lease === lease && held.scopes.includes(asked[0]!)
      const left = old?.scopes.filter((key) => !asked.includes(key)) ?? []
      // One of another org is nobody's to replace, also where it counts against a scope of the claim (S5).
      const isOfOrg = old?.scopes.includes(asked[0]!) === true
      const due = old !== undefined && isOfOrg && !mine && claim.id !== claim.replaces
      if (due) this.#held.set(claim.replaces, { ...old, scopes: left })
      // The last of them alone is followed by no other, and only then do the sets show what it made of them.
      const last = i === claims.length - 1
      // Whoever holds a slot of the org, takes nothing of what is reserved.
      const { reserve, ...open } = claim
      const holds = due && this.#live.has(old.lease)
      this.#acquire(lease, { claims: [holds ? open : claim], again: true }, [verdict], last ? after : undefined)
      must('S4', (verdict.admitted && verdict.tookOver === true) === (due && verdict.admitted), () => show(verdict))
      if (verdict.admitted && !mine && claim.id !== claim.replaces) this.#taken.add(`${claim.replaces} ${asked[0]}`)
      if (due && verdict.admitted) {
        if (left.length === 0) this.#held.delete(claim.replaces)
        if (left.length === 0) this.#handedOn.add(`${old.lease} ${claim.replaces}`)
        if (this.#live.has(old.lease)) this.#orders.give('takeover', claim.replaces, old.lease)
      } else if (due) this.#held.set(claim.replaces, old)
    }
  }

  #renew(lease: number, reply: RenewReply, nowMs: number): void {
    this.#tick(nowMs)
    this.#live.get(lease)!.expiresMs = this.#clockMs + this.#timing.ttlMs
    for (const [other, { expiresMs }] of this.#live) {
      if (expiresMs > this.#clockMs) continue
      this.#die(other)
    }
    const { ttlMs, lateAfterMs } = this.#timing
    const missed = [...this.#live].filter(([, { expiresMs }]) => expiresMs <= this.#clockMs + ttlMs - lateAfterMs)
    this.#late = new Set(missed.map(([other]) => other))
    if (reply.recoveryMs === 0) this.#overrides.expire(this.#clockMs)
    must('L2', show(reply.dead.toSorted()) === show([...this.#dead].sort()), () => `dead: ${show(reply.dead)}`)
    const [told, due] = [reply.orders.map(show), this.#orders.of(lease).map(show)]
    must('L5', show(told.sort()) === show(due.sort()), () => `orders told: ${told}, should be ${due}`)
    const [looks, dueLooks] = [reply.probes.map(({ name, id }) => `${lease}:${name}:${id}`), this.#probes.tell(lease)]
    must('L3', show(looks.sort()) === show(dueLooks.sort()), () => `probes told: ${looks}, should be ${dueLooks}`)
    must('R1', reply.liveNodes === this.#live.size, () => `${reply.liveNodes} of ${this.#live.size} live nodes`)
  }

  /** L3: whoever else holds a slot there is asked, and nobody who holds none; who has missed a beat is not waited for. */
  #probe(lease: number, scope: ScopeRef, { asked }: ProbeReply): void {
    const holding = [...this.#held.values()].filter(({ scopes }) => scopes.includes(keyOf(scope)))
    const others = new Set(holding.map((slot) => slot.lease).filter((one) => one !== lease && this.#live.has(one)))
    this.#probes.ask(others, keyOf(scope))
    const heard = [...others].filter((one) => !this.#late.has(one))
    must('L3', asked === heard.length, () => `${asked} are asked to look and were heard, should be ${heard}`)
  }

  #forget(dead: number): void {
    const left = this.#heldBy(dead)
    must('L2', left.length === 0, () => `lease ${dead} is forgotten and still holds ${left}`)
    this.#dead.delete(dead)
  }

  #reassertOne(lease: number, claim: Claim, mode: 'keep' | 'room'): ReassertVerdict {
    if (this.#taken.has(`${claim.id} ${keyOf(claim.scopes[0])}`)) return 'taken'
    if (this.#orders.of(lease).some(({ id }) => id === claim.id)) return 'ordered'
    const owner = this.#held.get(claim.id)?.lease
    if (owner !== undefined && owner !== lease && this.#live.has(owner)) return 'conflict'
    // Nothing is reserved from connections that are open.
    const limitOf = (scope: number) => (scope === 0 ? this.#orgLimit(claim) : claim.scopes[scope]!.limit)
    const full = claim.scopes.some((_, scope) => this.#living(claim, scope) >= limitOf(scope))
    if (mode === 'room' && owner !== lease && full) return 'full'
    this.#held.set(claim.id, { lease, scopes: claim.scopes.map(keyOf) })
    if (this.#evicted.has(claim.id)) this.#orders.give('evict', claim.id, lease)
    return 'kept'
  }

  /** S1: none too many of a surplus, however many order. S5: nobody without a slot of this org is touched. */
  #order({ kind, org, limit: given, ids }: OrderRequest, reply: OrderReply): void {
    const holders = [...this.#held].filter(
      ([, slot]) => slot.scopes.includes(`org:${org}`) && this.#live.has(slot.lease),
    )
    const count = holders.length
    const limit = this.#overrides.inForce(org) ?? given
    // Orders die with their lease, so who is leaving is living: unless the id was given out again, which no node does.
    const ofOrg = [...this.#held].filter(([, slot]) => slot.scopes.includes(`org:${org}`))
    const leaving = () => ofOrg.filter(([id]) => this.#orders.has(id)).length
    for (const [i, id] of ids.entries()) {
      const owner = holders.find(([held]) => held === id)?.[1].lease
      const spare = kind === 'surplus' && count - leaving() <= limit
      const due = owner === undefined ? 'gone' : this.#orders.has(id) ? 'leaving' : spare ? 'spared' : 'ordered'
      must('S1', reply.verdicts[i] === due, () => `${id} is ${reply.verdicts[i]}, should be ${due}`)
      if (due === 'ordered') this.#orders.give(kind, id, owner!)
      if (kind === 'evict' && owner !== undefined) this.#evicted.add(id)
    }
    const [told, sum] = [show([reply.count, reply.leaving]), show([count, leaving()])]
    must('S1', told === sum, () => `count and leaving are ${told}, should be ${sum}`)
  }

  #die(lease: number): void {
    this.#live.delete(lease)
    this.#dead.add(lease)
    this.#orders.forgetLease(lease)
    this.#probes.tell(lease)
  }

  #audit(lease: number, claims: readonly Claim[], reply: AuditReply, page: boolean): void {
    const whole = claims.map(({ id, scopes }) => {
      const held = this.#held.get(id)
      return held?.lease === lease && held.scopes.length === scopes.length
    })
    must('L5', show(whole) === show(reply.whole), () => `whole: ${show(reply.whole)}`)
    const listed = reply.entries.map(({ id }) => id).sort()
    must('L5', show(listed) === show(page ? this.#heldBy(lease).sort() : []), () => `index: ${show(listed)}`)
  }

  #hello(request: HelloRequest, answer: Answer, nowMs: number, epoch: string | undefined): void {
    this.#tick(nowMs)
    // A wipe and a clock that went back look like a node that was elsewhere meanwhile.
    const last = request.known?.epoch ?? request.lastEpoch
    const wasElsewhere = last !== undefined && last !== this.#epoch && dateOf(last) >= dateOf(this.#epoch)
    if (this.#memoryLost || wasElsewhere) {
      for (const lease of this.#live.keys()) this.#die(lease)
      this.#overrides.newLife()
      const named = epoch !== undefined && !this.#epochs.has(epoch) && (this.#began.get(epoch) ?? nowMs) === nowMs
      must('R1', named, () => `a new life has the name ${epoch} of another`)
      this.#epoch = epoch
      this.#late.clear()
      this.#epochs.add(epoch!)
      this.#began.set(epoch!, nowMs)
      this.#memoryLost = false
    }
    const { lease, generation, known } = request
    const living = this.#live.get(lease)?.generation
    const refusal = this.#refusalOfHello(lease, known) ?? ((living ?? 0) >= generation ? 'stale' : undefined)
    const given = answer.status === 'refused' ? answer.reason : undefined
    must('S3', given === refusal, () => `hello ${show(request)}: expected ${refusal}, got ${show(answer)}`)
    if (refusal !== undefined) return
    const expiresMs = this.#clockMs + this.#timing.ttlMs
    this.#live.set(lease, { generation, expiresMs })
    this.#late.delete(lease)
  }

  /** A first hello that comes again after its lease was forgotten opens an empty lease: not the life its node knew. */
  #refusalOfHello(lease: number, known: HelloRequest['known']): string | undefined {
    if (!known) return this.#dead.has(lease) ? 'fenced' : undefined
    if (known.epoch !== this.#epoch) return 'lost'
    return (this.#live.get(lease)?.generation ?? 0) < known.generation ? 'fenced' : undefined
  }

  /** R3: whatever TIME does, the clock never goes back and never moves by more than the cap. */
  #tick(nowMs: number): void {
    const stepMs = nowMs - (this.#lastTimeMs ?? nowMs)
    this.#clockMs += Math.min(Math.max(stepMs, 0), this.#timing.clockStepCapMs)
    this.#lastTimeMs = nowMs
  }

  /** What is given back by its name may be held under another lease, which keeps an index entry that names nothing. */
  #giveBack(id: string, lease: number, byName = false): void {
    const held = this.#held.get(id)
    if (held?.lease === lease || byName) this.#held.delete(id)
    if (held && held.lease !== lease && byName) this.#handedOn.add(`${held.lease} ${id}`)
    this.#handedOn.delete(`${lease} ${id}`)
  }

  #heldBy(lease: number): string[] {
    const held = [...this.#held].filter(([, slot]) => slot.lease === lease).map(([id]) => id)
    const left = [...this.#handedOn]
      .filter((entry) => entry.startsWith(`${lease} `))
      .map((entry) => entry.split(' ')[1]!)
    return [...new Set([...held, ...left])]
  }

  #living(claim: Claim, scope: number): number {
    const key = keyOf(claim.scopes[scope]!)
    return [...this.#held.values()].filter(({ lease, scopes }) => this.#live.has(lease) && scopes.includes(key)).length
  }

  /** What the claim may reach: an ordinary one leaves to others what is reserved. */
  #limitOf(claim: Claim, scope: number): number {
    return scope === 0 ? this.#orgLimit(claim) - this.#keptFromOthers(claim) : claim.scopes[scope]!.limit
  }

  #orgLimit({ scopes: [{ id, limit }] }: Claim): number {
    return this.#overrides.inForce(id) ?? limit
  }

  #keptFromOthers(claim: Claim): number {
    const [limit, { reserve }] = [this.#orgLimit(claim), claim]
    if (!reserve || limit === Number.POSITIVE_INFINITY) return 0
    if ('slots' in reserve) return Math.min(limit, reserve.slots)
    return (limit * reserve.percent - ((limit * reserve.percent) % 100)) / 100
  }

  /** What the store holds is what follows from the promises, to the last member: no slot more, less or moved. */
  #agree(after: StoreContents): void {
    const due = new Map<string, Map<string, number>>()
    for (const [id, { lease, scopes }] of this.#held) {
      for (const scope of scopes) due.set(scope, (due.get(scope) ?? new Map()).set(id, lease))
      must('rule 3', after.indexes.get(lease)?.has(id) === true, () => `${id} is in no index of lease ${lease}`)
    }
    const sets = (scopes: StoreContents['scopes']) => fingerprint({ scopes } as unknown as StoreContents)
    must('S2, S4, S5', sets(after.scopes) === sets(due), () => `sets ${sets(after.scopes)}, should be ${sets(due)}`)
    const live = [...this.#live].map(([lease, { generation }]) => `${lease}/${generation}`).sort()
    const found = [...after.live].map(([lease, { generation }]) => `${lease}/${generation}`).sort()
    must('S3, L2', show(live) === show(found), () => `live are ${found}, should be ${live}`)
    for (const lease of this.#live.keys()) {
      const index = [...(after.indexes.get(lease)?.keys() ?? [])]
      must('L5', show(index.sort()) === show(this.#heldBy(lease).sort()), () => `index of ${lease} is ${index}`)
    }
    const numbers = (table: ReadonlyMap<string, number>) => show([...table].map(([org, n]) => `${org}: ${n}`).sort())
    const inForce = this.#overrides.allInForce()
    must(
      'S1',
      numbers(after.overrides) === numbers(inForce),
      () => `in force: ${numbers(after.overrides)}, should be ${numbers(inForce)}`,
    )
    const orders = [...after.orders].flatMap(([kind, given]) =>
      [...given].map(([id, lease]) => `${kind} ${id} ${lease}`),
    )
    const owed = this.#orders.all()
    must('L5', show(orders.sort()) === show(owed.sort()), () => `orders are ${orders}, should be ${owed}`)
    const [probes, owing] = [[...after.probes.keys()].sort(), this.#probes.all().sort()]
    must('L3', show(probes) === show(owing), () => `probes are ${probes}, should be ${owing}`)
    must('S5', after.strangers.length === 0, () => `keys that nobody knows: ${after.strangers}`)
  }
}
