import type { Clock } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import { bounded } from '../bounded.js'
import { type LeaseStore, MAX_ITEMS, type Reply, type StoreConnection } from '../lease-store.js'
import { MemoryInspector } from './inspector.js'
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
  readonly inspector: MemoryInspector

  constructor({ timing, clock, recovery = false }: MemoryStoreOptions) {
    const grace = recovery ? timing : { recoveryMs: 0, recoveryLimitMs: 0 }
    const nowMs = () => Math.floor(clock.wallMs())
    this.verbs = new MemoryVerbs(this.tables, { ...timing, ...grace }, nowMs)
    this.inspector = new MemoryInspector(this.tables, this.verbs.overrides, nowMs)
  }

  async connect(): Promise<Reply<StoreConnection>> {
    return { status: 'ok', value: memoryConnection(this.verbs) }
  }

  async close(): Promise<void> {}
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
