import type { Clock } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import { bounded } from '../bounded.js'
import { scopeKey } from '../claims.js'
import {
  type Holder,
  type LeaseStore,
  MAX_ITEMS,
  type NodeEntry,
  type OrgCount,
  type Reply,
  type StoreConnection,
  type WhichNodes,
} from '../lease-store.js'
import type { OrgOverrides } from '../override-records.js'
import { MemoryJournal } from './journal.js'
import { MemoryTables } from './tables.js'
import { MemoryVerbs } from './verbs.js'

export interface MemoryStoreOptions {
  readonly timing: LeaseTiming
  readonly clock: Clock
  /** Whether admissions wait after a store without memory; only the comparison with Redis switches it on. */
  readonly recovery?: boolean
}

/**
 * The store in this process: the same semantics without Redis, for one node. It dies with the process, so there is
 * nothing to recover and no ghost to wait for. Several nodes of one process may share it, as tests do.
 */
export class MemoryStore implements LeaseStore {
  readonly embedded = true
  readonly description = 'embedded (this process only)'
  readonly journal = new MemoryJournal()
  /** Open to tests, which plant and check what no verb would. */
  readonly tables = new MemoryTables()
  readonly verbs: MemoryVerbs
  readonly #nowMs: () => number

  constructor({ timing, clock, recovery = false }: MemoryStoreOptions) {
    const grace = recovery ? timing : { recoveryMs: 0, recoveryLimitMs: 0 }
    this.#nowMs = () => Math.floor(clock.wallMs())
    this.verbs = new MemoryVerbs(this.tables, { ...timing, ...grace }, this.#nowMs)
  }

  async connect(): Promise<Reply<StoreConnection>> {
    return { status: 'ok', value: memoryConnection(this.verbs) }
  }

  async countOrgs(orgs: readonly string[]): Promise<OrgCount[]> {
    return orgs.map((org) => ({
      org,
      count: this.#living(org).length,
      override: this.tables.overrides.get(org),
    }))
  }

  async listOrgs(): Promise<{ cursor: string; orgs: string[] }> {
    const prefix = scopeKey({ name: 'org', id: '' })
    const held = [...this.tables.scopes.keys()].filter((key) => key.startsWith(prefix))
    return { cursor: '0', orgs: [...held.map((key) => key.slice(prefix.length)), ...this.tables.overrides.keys()] }
  }

  async overridesOf(org: string): Promise<OrgOverrides> {
    return this.verbs.overrides.of(org)
  }

  async holders(org: string, limit: number): Promise<Holder[]> {
    return this.#living(org)
      .slice(0, limit)
      .map(([id, lease]) => ({ lease, ...(this.tables.index(lease).get(id) ?? { id, scopes: [], details: '' }) }))
  }

  async orgOf(id: string): Promise<string | undefined> {
    for (const lease of this.tables.live.keys()) {
      const entry = this.tables.index(lease).get(id)
      if (entry) return entry.scopes[0]?.id
    }
    return undefined
  }

  async nodes({ asOfNow = false }: WhichNodes = {}): Promise<NodeEntry[]> {
    const { clockMs, lastTimeMs } = this.tables
    const nowMs = this.#nowMs()
    const silentMs = asOfNow ? Math.max(0, nowMs - (lastTimeMs ?? nowMs)) : 0
    const replaced = [...this.tables.orders('takeover')]
    return [...this.tables.live].map(([lease, { expiresMs }]) => ({
      lease,
      connections: this.#connectionsOf(lease, replaced),
      expiresInMs: expiresMs - clockMs - silentMs,
      info: this.tables.nodes.get(lease) ?? '',
    }))
  }

  async close(): Promise<void> {}

  /** Of what was taken over the entry stays until its node has closed it: it holds no slot any more. */
  #connectionsOf(lease: number, replaced: readonly (readonly [id: string, owner: number])[]): number {
    const index = this.tables.index(lease)
    return index.size - replaced.filter(([id, owner]) => owner === lease && index.has(id)).length
  }

  #living(org: string): [string, number][] {
    const set = this.tables.scope(scopeKey({ name: 'org', id: org }))
    return [...set].filter(([, lease]) => this.tables.live.has(lease))
  }
}

/** The verbs as a connection: one that can be cut, after which nothing is answered. */
function memoryConnection(verbs: MemoryVerbs): StoreConnection {
  let gone: string | undefined
  let closed: (reason: string) => void = () => {}
  const whenClosed = new Promise<string>((resolve) => {
    closed = resolve
  })
  const say = async <T>(verb: () => Reply<T>, items: readonly unknown[] = []): Promise<Reply<T>> => {
    bounded(items)
    return gone === undefined ? verb() : { status: 'unanswered', cause: gone }
  }
  return {
    hello: (request) => say(() => verbs.hello(request)),
    acquire: (fence, claims, how) => say(() => verbs.acquire(fence, claims, how), claims),
    takeover: (fence, claims) => say(() => verbs.takeover(fence, claims), claims),
    release: (fence, slots) => say(() => verbs.release(fence, slots), slots),
    renew: (fence, ordersPassedOver) => say(() => verbs.renew(fence, ordersPassedOver)),
    sweep: (fence, dead, entries) => say(() => verbs.sweep(fence, dead, entries, MAX_ITEMS), entries),
    leave: (fence) => say(() => verbs.leave(fence)),
    reassert: (fence, claims, how) => say(() => verbs.reassert(fence, claims, how), claims),
    override: (fence, org, limit, terms) =>
      say(() => verbs.fenced(fence, () => verbs.overrides.set(org, limit, terms))),
    learn: (fence, after) => say(() => verbs.fenced(fence, () => verbs.overrides.learn(after, MAX_ITEMS))),
    restore: (fence, records) => say(() => verbs.fenced(fence, () => verbs.overrides.restore(records)), records),
    order: (fence, request) => say(() => verbs.fenced(fence, () => verbs.orders.give(request)), request.ids),
    drain: (fence, node) => say(() => verbs.fenced(fence, () => verbs.orders.drain(node))),
    confirm: (fence, orders) => say(() => verbs.fenced(fence, () => verbs.orders.confirm(fence.lease, orders)), orders),
    probe: (fence, scope) => say(() => verbs.fenced(fence, () => verbs.probes.ask(fence.lease, scope))),
    audit: (fence, cursor, slots) => say(() => verbs.audit(fence, cursor, slots), slots),
    closed: whenClosed,
    destroy(reason) {
      gone ??= reason
      closed(gone)
    },
  }
}
