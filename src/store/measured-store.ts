import type { Clock } from '../core/clock.js'
import type { Journal } from './journal.js'
import type { BucketInspector, LeaseStore, Reply, StoreConnection } from './lease-store.js'
import { aroundVerbs, type Verb } from './verbs.js'

export interface StoreCall {
  readonly verb: Verb | 'connect'
  /** `ok`, or why not: see `Reply`. */
  readonly outcome: 'ok' | 'lost' | 'fenced' | 'stale' | 'recovering' | 'unanswered'
  readonly tookMs: number
}

/** Another store, with somebody who is told how long each of its verbs took, and how it ended. */
export class MeasuredStore implements LeaseStore {
  readonly #store: LeaseStore
  readonly #clock: Clock
  readonly #tell: (call: StoreCall) => void

  constructor(store: LeaseStore, clock: Clock, tell: (call: StoreCall) => void) {
    this.#store = store
    this.#clock = clock
    this.#tell = tell
  }

  get embedded(): boolean {
    return this.#store.embedded
  }

  get description(): string {
    return this.#store.description
  }

  get inspector(): BucketInspector {
    return this.#store.inspector
  }

  get journal(): Journal {
    return this.#store.journal
  }

  async connect(): Promise<Reply<StoreConnection>> {
    const connected = await this.#measure('connect', () => this.#store.connect())
    return connected.status === 'ok' ? { status: 'ok', value: this.#measured(connected.value) } : connected
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #measured(connection: StoreConnection): StoreConnection {
    const verbs = aroundVerbs(connection, (verb, say) => this.#measure(verb, say))
    const { closed } = connection
    return { ...verbs, closed, destroy: (reason: string) => connection.destroy(reason) }
  }

  /** The reply goes on as it is, and not a turn later. */
  #measure<T>(verb: StoreCall['verb'], say: () => Promise<Reply<T>>): Promise<Reply<T>> {
    const startMs = this.#clock.monotonicMs()
    const said = say()
    const tell = (reply: Reply<T>) =>
      this.#tell({ verb, outcome: outcomeOf(reply), tookMs: this.#clock.monotonicMs() - startMs })
    said.then(tell, () => {})
    return said
  }
}

function outcomeOf(reply: Reply<unknown>): StoreCall['outcome'] {
  return reply.status === 'refused' ? reply.reason : reply.status
}
