import { scopeKey, scopeOf } from '../claims.js'
import { MAX_ITEMS, type ProbeReply, type ScopeRef } from '../lease-store.js'
import type { MemoryTables } from './tables.js'

/** Who is to look for silent peers of which scope: what lua/probe and its share of lua/renew must equal. */
export class MemoryProbes {
  readonly #t: MemoryTables

  constructor(tables: MemoryTables) {
    this.#t = tables
  }

  ask(lease: number, scope: ScopeRef): ProbeReply {
    const { probes, live, late } = this.#t
    let asked = 0
    for (const holder of new Set(this.#t.scope(scopeKey(scope)).values())) {
      if (holder === lease || !live.has(holder)) continue
      probes.set(`${holder}:${scopeKey(scope)}`, holder)
      // Who has missed a beat may be dead: whoever waits for its answer may wait in vain.
      if (!late.has(holder)) asked++
    }
    return { asked }
  }

  /** Told once. */
  tell(lease: number): ScopeRef[] {
    const due = [...this.#t.probes].filter(([, holder]) => holder === lease).map(([probe]) => probe)
    const told = due.sort().slice(0, MAX_ITEMS)
    for (const probe of told) this.#t.probes.delete(probe)
    return told.map((probe) => scopeOf(probe.slice(probe.indexOf(':') + 1)))
  }

  /** What a lease was asked dies with it. */
  forget(lease: number): void {
    for (const [probe, holder] of this.#t.probes) if (holder === lease) this.#t.probes.delete(probe)
  }
}
