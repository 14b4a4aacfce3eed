import { MAX_ITEMS, type ProbeReply, type ScopeRef } from '../lease-store.js'
import { MOST_PROBES } from '../orders.js'
import { type MemoryTables, scopeKey } from './tables.js'

/** Who is to look for silent peers of which scope: what lua/probe and its share of lua/renew must equal. */
export class MemoryProbes {
  readonly #t: MemoryTables

  constructor(tables: MemoryTables) {
    this.#t = tables
  }

  ask(lease: number, scope: ScopeRef): ProbeReply {
    const { probes, live, late } = this.#t
    const holders = [...new Set(this.#t.scope(scopeKey(scope)).values())].sort((one, other) => one - other)
    let asked = 0
    for (const holder of holders) {
      if (holder === lease || !live.has(holder)) continue
      const probe = `${holder}:${scopeKey(scope)}`
      if (!probes.has(probe) && probes.size < MOST_PROBES) probes.set(probe, holder)
      // Who has missed a beat may be dead: whoever waits for its answer may wait in vain.
      if (probes.has(probe) && !late.has(holder)) asked++
    }
    return { asked }
  }

  /** Told once. */
  tell(lease: number): ScopeRef[] {
    const due = [...this.#t.probes].filter(([, holder]) => holder === lease).map(([probe]) => probe)
    const told = due.sort().slice(0, MAX_ITEMS)
    for (const probe of told) this.#t.probes.delete(probe)
    return told.map((probe) => {
      const [, name = '', ...id] = probe.split(':')
      return { name, id: id.join(':') }
    })
  }

  /** What a lease was asked dies with it. */
  forget(lease: number): void {
    for (const [probe, holder] of this.#t.probes) if (holder === lease) this.#t.probes.delete(probe)
  }
}
