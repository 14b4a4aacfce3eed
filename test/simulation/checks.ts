import { scopeKey } from '../../src/store/claims.js'
import { ORDER_KINDS } from '../../src/store/orders.js'
import { AdmissionChecks } from './admission-checks.js'
import { LifeNotes } from './life-notes.js'
import type { OpenConnection, Scenario, SimNode } from './scenario.js'

/** Watches from outside: knows the promises and the tables, and nothing of how verbs and nodes keep them. */
export class Checks {
  /** The first broken promise. The day ends with it: what follows from it proves nothing more. */
  violation: string | undefined
  readonly #scenario: Scenario
  /** Slots of live leases of each org after the event before. */
  readonly #counts = new Map<string, number>()
  readonly #dead = new Set<number>()
  #epoch: string | undefined
  #tables: unknown
  /** Something was told to the store whatever the limits say, in this event. */
  #kept = false
  readonly #admissions = new AdmissionChecks((what) => this.#violated(what))
  readonly #limits = new Map<string, number>()
  readonly #evicted = new LifeNotes()

  constructor(scenario: Scenario) {
    this.#scenario = scenario
  }

  /**
   * Where it is decided. L1: no slot is given back before its connection is closed. L5: who was evicted is ordered to close
   * under whatever lease its node tells of it.
   */
  watchVerbs(): void {
    const { verbs, tables } = this.#scenario.store
    this.#admissions.watch(verbs, tables)
    const [release, reassert] = [verbs.release.bind(verbs), verbs.reassert.bind(verbs)]
    // Also why a release may go by the name of what it gives back (ADR 24): it is the last that is said of it.
    verbs.release = (fence, slots) => {
      const had = slots.filter(({ id, scopes }) => this.#holder(scopes[0]?.id ?? '', id) !== undefined)
      const reply = release(fence, slots)
      for (const { id, scopes } of had) {
        const isGone = this.#holder(scopes[0]?.id ?? '', id) === undefined
        if (isGone && this.#isOpen(id)) this.#violated(`L1: ${id} was given back while it is open`)
      }
      return reply
    }
    const give = verbs.orders.give.bind(verbs.orders)
    verbs.orders.give = (request) => {
      const reply = give(request)
      const isHeld = (_: string, i: number) => reply.verdicts[i] !== 'gone'
      if (request.kind === 'evict') for (const id of request.ids.filter(isHeld)) this.#evicted.of(tables).add(id)
      return reply
    }
    verbs.reassert = (fence, claims, how) => {
      this.#kept ||= how.mode === 'keep'
      const reply = reassert(fence, claims, how)
      const [words, evicted] = [reply.status === 'ok' ? reply.value : [], this.#evicted.of(tables)]
      for (const [i, { id }] of claims.entries()) {
        const isBack = words[i] === 'kept' && evicted.has(id) && !tables.orders('evict').has(id)
        if (isBack) this.#violated(`L5: ${id} was evicted, and is back without an order`)
      }
      return reply
    }
  }

  /**
   * R1: nobody is closed for a lost store. R3: only a node that was unwell may lose its lease.
   * S4, L5: the audit finds nothing, unless calls came twice.
   */
  watchNode(sim: SimNode): void {
    const { world, timing } = this.#scenario
    sim.node.events.on('lease.lost', ({ reason }) => {
      world.note(`${sim.name}: lease ${reason}`)
      if (reason === 'lost') return
      // A store that is frozen counts no time: what was before that may have cost the lease behind it.
      const sinceMs = Math.min(world.nowMs - 2 * timing.ttlMs, sim.link.renewedAtMs ?? 0)
      const recently = sim.unwell.filter(({ toMs }) => (toMs ?? world.nowMs) > sinceMs)
      const absentMs = recently.reduce((sum, { fromMs, toMs }) => sum + (toMs ?? world.nowMs) - fromMs, 0)
      // Shorter absences than D less the renewals around them leave a lease alive, whatever clocks do.
      if (absentMs < timing.trustMs - 2 * timing.renewIntervalMs) {
        this.#violated(`R3: ${sim.name} lost its lease after an absence of ${Math.round(absentMs)} ms`)
      }
    })
    sim.node.events.on('connections.reasserted', ({ closed, mode }) => {
      // Who was taken over before, in another life of the store as well, is closed whenever that is found out.
      if (mode === 'keep' && closed > 0 && this.#scenario.features.takeovers === 0)
        this.#violated(`R1: ${sim.name} closed ${closed} when the store had no memory`)
    })
    sim.node.events.on('drift.repaired', ({ leaked, missing }) => {
      world.note(`${sim.name}: the audit mended ${leaked} leaked and ${missing} missing slots`)
      if (!this.#scenario.callsComeTwice) this.#violated(`S4: the audit of ${sim.name} found ${leaked} + ${missing}`)
    })
  }

  /** S1, S3: whoever is let in holds a slot of a live lease at that moment, unless the store has just been wiped. */
  grantedUnderLiveLease({ org, owner, admitted }: OpenConnection): void {
    this.#fewEnoughCarry(org, 1)
    if (owner.debts.has(admitted.connectionId) || owner.wasAstray) return
    const { tables } = this.#scenario.store
    const lease = tables.scope(`org:${org}`).get(admitted.connectionId)
    const wiped = tables.epoch === undefined || tables.recovery !== undefined
    if (
      wiped ||
      this.#admissions.wasTaken(tables, admitted.connectionId, org) ||
      (lease !== undefined && tables.live.has(lease))
    )
      return
    this.#violated(`S3: ${owner.name} let ${admitted.connectionId} in without a slot under a live lease`)
  }

  /** R5: under `close` no more connections of an org carry frames than it may have, whatever the store has forgotten. */
  #fewEnoughCarry(org: string, arriving = 0): void {
    const { features, nodes } = this.#scenario
    if (!features.isPlain || features.policies.onLeaseLost !== 'close') return
    const open = nodes.flatMap((sim) => (sim.dead ? [] : [...sim.open]))
    const carry = open.filter(({ admitted, org: whose }) => {
      return whose === org && admitted.mayCarryFrames?.()
    })
    const limit = this.#scenario.limitOf(org)
    // One that is let in now is not among them yet.
    const count = carry.length + arriving
    if (count > limit) this.#violated(`R5: ${org} has ${count} of ${limit} that carry frames`)
  }

  /** R5: under `close`, where nobody lowers a limit, no org has a surplus for which anybody would be closed. */
  toldToClose({ org, admitted }: OpenConnection): void {
    const { features } = this.#scenario
    if (!features.isPlain || features.policies.onLeaseLost !== 'close') return
    if (admitted.closing === 'OVER_LIMIT') this.#violated(`R5: ${admitted.connectionId} of ${org} is one too many`)
  }

  afterEvent(): void {
    const { tables } = this.#scenario.store
    // What another process holds was given there.
    const isAnother = tables !== this.#tables
    this.#kept ||= isAnother
    this.#tables = tables
    if (isAnother || tables.epoch !== this.#epoch) this.#dead.clear()
    this.#epoch = tables.epoch
    // One that has left nothing is forgotten, and its node, whose first hello nobody answered, asks for it once more.
    for (const lease of tables.dead) if (tables.index(lease).size > 0) this.#dead.add(lease)
    for (const key of tables.scopes.keys()) this.#oneSet(key)
    this.#kept = false
    for (const lease of this.#dead) {
      // One of which nothing is left may be opened by a first hello that comes late, as an empty one.
      const lives = tables.live.has(lease) && tables.index(lease).size > 0
      if (lives) this.#violated(`S3: lease ${lease} lives again and holds slots`)
    }
    for (const sim of this.#scenario.nodes) this.#framesAreSafe(sim)
    for (const org of this.#scenario.orgs) this.#fewEnoughCarry(org)
  }

  #oneSet(key: string): void {
    const { tables } = this.#scenario.store
    const set = tables.scope(key)
    if (set.size === 0) this.#violated(`an empty set was kept: ${key}`)
    // S2: the set and the index say the same, so nothing is ever half taken or half given back.
    for (const [id, lease] of set) {
      if (!tables.index(lease).has(id)) this.#violated(`S2: ${id} has a slot in ${key} and no index entry`)
    }
    if (!key.startsWith('org:')) return
    const org = key.slice('org:'.length)
    // A call that comes a second time may bring one back, until the next audit.
    const back = [...set.keys()].find((id) => this.#admissions.wasTaken(tables, id, org))
    if (back && !this.#scenario.callsComeTwice) this.#violated(`L2: ${back} of ${org} was taken over, and is back`)
    const inForce = tables.overrides.get(org) ?? this.#scenario.limitOf(org)
    // Of what a freeze had held back many may happen at once, under a limit that one of them has changed.
    const limit = Math.max(inForce, this.#limits.get(org) ?? inForce)
    this.#limits.set(org, inForce)
    const [had, has] = [this.#counts.get(org) ?? 0, this.#living(org)]
    this.#counts.set(org, has)
    if (has > had && has > limit && !this.#kept) this.#violated(`S1: ${org} has come to ${has} of ${limit} slots`)
  }

  /** S7: under `close` no frame passes once the last answered renewal was sent D ago, as the outside sees it. */
  #framesAreSafe({ open, link, name, paused, dead }: SimNode): void {
    const { world, timing } = this.#scenario
    const [one] = open
    if (paused || dead || !one?.admitted.mayCarryFrames?.()) return
    const ageMs = world.nowMs - (link.renewedAtMs ?? Number.NEGATIVE_INFINITY)
    if (ageMs >= timing.trustMs)
      this.#violated(`S7: ${name} lets frames pass ${Math.round(ageMs)} ms after its renewal`)
  }

  /** L5: the slots in the store equal the open sockets; L1–L3: nothing of the dead or departed is left. */
  booksAgree(when: string): void {
    const { store, nodes } = this.#scenario
    const open = new Map<string, SimNode>()
    for (const sim of nodes) for (const one of sim.open) open.set(`${one.org} ${one.admitted.connectionId}`, sim)
    const stored = new Set<string>()
    for (const [key, set] of store.tables.scopes) {
      if (!key.startsWith('org:')) continue
      for (const id of set.keys()) stored.add(`${key.slice('org:'.length)} ${id}`)
    }
    for (const id of stored) if (!open.has(id)) this.#violated(`L5 ${when}: ${id} has a slot and no socket`)
    for (const [id, sim] of open) {
      if (!stored.has(id))
        this.#violated(`L5 ${when}: ${id} on ${sim.name} (${sim.node.phase}) has a socket and no slot`)
    }
    for (const sim of nodes) {
      if (!sim.dead && sim.node.phase === 'running' && !sim.node.storeReachable) {
        this.#violated(`liveness ${when}: ${sim.name} has no session`)
      }
      if (!sim.dead && sim.node.phase === 'starting') this.#violated(`liveness ${when}: ${sim.name} still starting`)
    }
    this.#setsAndIndexesAgree(when)
    for (const kind of ORDER_KINDS) {
      for (const id of store.tables.orders(kind).keys()) this.#violated(`L5 ${when}: ${id} is still ordered to ${kind}`)
    }
    const running = nodes.filter((sim) => !sim.dead && sim.node.phase !== 'stopped').length
    if (store.tables.live.size > running) {
      this.#violated(`L2 ${when}: ${store.tables.live.size} live leases of ${running} nodes`)
    }
    if (store.tables.dead.size > 0) this.#violated(`L2 ${when}: ${store.tables.dead.size} dead leases are not swept`)
    if (store.tables.recovery) this.#violated(`R1 ${when}: the store still recovers`)
  }

  #setsAndIndexesAgree(when: string): void {
    const { tables } = this.#scenario.store
    const [inSets, inIndexes] = [new Set<string>(), new Set<string>()]
    for (const [key, set] of tables.scopes) for (const [id, lease] of set) inSets.add(`${key} ${id} ${lease}`)
    for (const lease of tables.live.keys()) {
      for (const [id, { scopes }] of tables.index(lease)) {
        for (const scope of scopes) inIndexes.add(`${scopeKey(scope)} ${id} ${lease}`)
      }
    }
    for (const one of inSets) if (!inIndexes.has(one)) this.#violated(`L5 ${when}: in no index: ${one}`)
    for (const one of inIndexes) if (!inSets.has(one)) this.#violated(`L5 ${when}: in no set: ${one}`)
  }

  nobodyLeft(): void {
    const { tables } = this.#scenario.store
    if (tables.scopes.size > 0) this.#violated(`L1: ${tables.scopes.size} sets are left although all have gone`)
  }

  #living(org: string): number {
    const { tables } = this.#scenario.store
    return tables.living(tables.scope(`org:${org}`))
  }

  #holder(org: string, id: string): number | undefined {
    return this.#scenario.store.tables.scope(`org:${org}`).get(id)
  }

  #isOpen(id: string): boolean {
    return this.#scenario.nodes.some(({ open }) => [...open].some(({ admitted }) => admitted.connectionId === id))
  }

  #violated(what: string): void {
    if (this.violation !== undefined) return
    const { world } = this.#scenario
    this.violation = what
    world.note(`VIOLATED ${what}`)
    world.end()
  }
}
