import { scopeKey } from '../claims.js'
import type { BucketInspector, Holder, NodeEntry, OrgCount, WhichNodes } from '../lease-store.js'
import type { OrgOverrides } from '../override-records.js'
import type { MemoryOverrides } from './overrides.js'
import type { MemoryTables } from './tables.js'

/** What the tables say, without a word of any verb: the specification of the read-only questions. */
export class MemoryInspector implements BucketInspector {
  readonly #tables: MemoryTables
  readonly #overrides: MemoryOverrides
  readonly #nowMs: () => number

  constructor(tables: MemoryTables, overrides: MemoryOverrides, nowMs: () => number) {
    this.#tables = tables
    this.#overrides = overrides
    this.#nowMs = nowMs
  }

  async countOrgs(orgs: readonly string[]): Promise<OrgCount[]> {
    return orgs.map((org) => ({
      org,
      count: this.#tables.living(this.#tables.scope(scopeKey({ name: 'org', id: org }))),
      override: this.#tables.overrides.get(org),
    }))
  }

  async listOrgs(): Promise<{ cursor: string; orgs: string[] }> {
    const prefix = scopeKey({ name: 'org', id: '' })
    const held = [...this.#tables.scopes.keys()].filter((key) => key.startsWith(prefix))
    return { cursor: '0', orgs: [...held.map((key) => key.slice(prefix.length)), ...this.#tables.overrides.keys()] }
  }

  async overridesOf(org: string): Promise<OrgOverrides> {
    return this.#overrides.of(org)
  }

  async holders(org: string, limit: number): Promise<Holder[]> {
    return this.#living(org)
      .slice(0, limit)
      .map(([id, lease]) => ({ lease, ...(this.#tables.index(lease).get(id) ?? { id, scopes: [], details: '' }) }))
  }

  async orgOf(id: string): Promise<string | undefined> {
    for (const lease of this.#tables.live.keys()) {
      const entry = this.#tables.index(lease).get(id)
      if (entry) return entry.scopes[0]?.id
    }
    return undefined
  }

  async nodes({ asOfNow = false }: WhichNodes = {}): Promise<NodeEntry[]> {
    const { clockMs, lastTimeMs } = this.#tables
    const nowMs = this.#nowMs()
    const silentMs = asOfNow ? Math.max(0, nowMs - (lastTimeMs ?? nowMs)) : 0
    const replaced = [...this.#tables.orders('takeover')]
    return [...this.#tables.live].map(([lease, { expiresMs }]) => ({
      lease,
      connections: this.#connectionsOf(lease, replaced),
      expiresInMs: expiresMs - clockMs - silentMs,
      info: this.#tables.nodes.get(lease) ?? '',
    }))
  }

  /** Of what was taken over the entry stays until its node has closed it: it holds no slot any more. */
  #connectionsOf(lease: number, replaced: readonly (readonly [id: string, owner: number])[]): number {
    const index = this.#tables.index(lease)
    return index.size - replaced.filter(([id, owner]) => owner === lease && index.has(id)).length
  }

  #living(org: string): [string, number][] {
    const set = this.#tables.scope(scopeKey({ name: 'org', id: org }))
    return [...set].filter(([, lease]) => this.#tables.live.has(lease))
  }
}
