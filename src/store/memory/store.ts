import type { Clock } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { LeaseStore, Reply, StoreConnection } from '../lease-store.js'
import { memoryConnection } from './connection.js'
import { MemoryInspector } from './inspector.js'
import { MemoryJournal } from './journal.js'
import { MemoryTables } from './tables.js'
import { Turns } from './turns.js'
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
  readonly #turns: Turns

  constructor({ timing, clock, recovery = false }: MemoryStoreOptions) {
    const grace = recovery ? timing : { recoveryMs: 0, recoveryLimitMs: 0 }
    const nowMs = () => Math.floor(clock.wallMs())
    this.verbs = new MemoryVerbs(this.tables, { ...timing, ...grace }, nowMs)
    this.#turns = new Turns(clock)
    this.inspector = new MemoryInspector(this.tables, this.verbs.overrides, nowMs)
  }

  async connect(): Promise<Reply<StoreConnection>> {
    return { status: 'ok', value: memoryConnection(this.verbs, this.#turns) }
  }

  async close(): Promise<void> {}
}
