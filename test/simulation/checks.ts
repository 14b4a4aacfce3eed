import type { Fence } from '../../src/store/lease-store.js'
import type { OpenConnection, Scenario, SimNode } from './scenario.js'

/** Watches from outside: knows the promises and the tables, and nothing of how verbs and nodes keep them. */
export class Checks {
  readonly violations: string[] = []
  readonly #scenario: Scenario

  constructor(scenario: Scenario) {
    this.#scenario = scenario
  }

  /** S1 where it is decided: after each acquire, no org that was given a slot has more living ones than its limit. */
  watchAcquires(): void {
    const { store, limitOf } = { store: this.#scenario.store, limitOf: (org: string) => this.#scenario.limitOf(org) }
    const verbs = store.verbs
    const acquire = verbs.acquire.bind(verbs)
    verbs.acquire = (fence: Fence, claims, how) => {
      const before = new Map(claims.map(({ scopes: [org] }) => [org.id, this.#living(org.id)]))
      const reply = acquire(fence, claims, how)
      for (const [org, had] of before) {
        const has = this.#living(org)
        if (has > had && has > limitOf(org)) this.#violated(`S1: ${org} was given slot ${has} of ${limitOf(org)}`)
      }
      return reply
    }
  }

  /** R3: only a node that was unwell may lose its lease. S4, L5: the audit finds nothing, unless calls came twice. */
  watchNode(sim: SimNode): void {
    const { world, timing } = this.#scenario
    sim.node.events.on('lease.lost', ({ reason }) => {
      world.note(`${sim.name}: lease ${reason}`)
      if (reason === 'lost') return
      const recently = sim.unwell.filter(({ toMs }) => (toMs ?? world.nowMs) > world.nowMs - 2 * timing.ttlMs)
      const absentMs = recently.reduce((sum, { fromMs, toMs }) => sum + (toMs ?? world.nowMs) - fromMs, 0)
      // Shorter absences than D less the renewals around them leave a lease alive, whatever clocks do.
      if (absentMs < timing.trustMs - 2 * timing.renewIntervalMs) {
        this.#violated(`R3: ${sim.name} lost its lease after an absence of ${Math.round(absentMs)} ms`)
      }
    })
    sim.node.events.on('drift.repaired', ({ leaked, missing }) => {
      world.note(`${sim.name}: the audit mended ${leaked} leaked and ${missing} missing slots`)
      if (!this.#scenario.callsComeTwice) this.#violated(`S4: the audit of ${sim.name} found ${leaked} + ${missing}`)
    })
  }

  /** S1, S3: whoever is let in holds a slot of a live lease at that moment, unless the store has just been wiped. */
  grantedUnderLiveLease({ org, owner, admitted }: OpenConnection): void {
    const { tables } = this.#scenario.store
    const lease = tables.scope(`org:${org}`).get(admitted.connectionId)
    const wiped = tables.epoch === undefined || tables.recovery !== undefined
    if (wiped || (lease !== undefined && tables.live.has(lease))) return
    this.#violated(`S3: ${owner.name} let ${admitted.connectionId} in without a slot under a live lease`)
  }

  /** S1 as the outside sees it: connections whose slot is in force never exceed what was granted or grandfathered. */
  afterEvent(): void {
    const { store } = this.#scenario
    for (const [key, set] of store.tables.scopes) {
      if (set.size === 0) this.#violated(`an empty set was kept: ${key}`)
    }
  }

  /** L5: the slots in the store equal the open sockets; L1–L3: nothing of the dead or departed is left. */
  booksAgree(when: string): void {
    const { store, nodes } = this.#scenario
    const open = new Map<string, SimNode>()
    for (const sim of nodes) for (const one of sim.open) open.set(`${one.org} ${one.admitted.connectionId}`, sim)
    const stored = new Set<string>()
    for (const [key, set] of store.tables.scopes) {
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
    if (store.tables.dead.size > 0) this.#violated(`L2 ${when}: ${store.tables.dead.size} dead leases are not swept`)
    if (store.tables.recovery) this.#violated(`R1 ${when}: the store still recovers`)
  }

  nobodyLeft(): void {
    const { tables } = this.#scenario.store
    if (tables.scopes.size > 0) this.#violated(`L1: ${tables.scopes.size} sets are left although all have gone`)
  }

  #living(org: string): number {
    const { tables } = this.#scenario.store
    return [...tables.scope(`org:${org}`).values()].filter((lease) => tables.live.has(lease)).length
  }

  #violated(what: string): void {
    this.violations.push(what)
    this.#scenario.world.note(`VIOLATED ${what}`)
  }
}
