import { newEpoch, newLease } from '../../src/core/ids.js'
import type {
  Claim,
  Fence,
  HelloReply,
  HelloRequest,
  IndexEntry,
  ReassertVerdict,
  RenewReply,
  Reply,
  ScopeClaim,
  ScopeRef,
  SlotRef,
  StoreConnection,
  Verdict,
} from '../../src/store/lease-store.js'
import type { DrainVerdict, Order, OrderReply, OrderRequest } from '../../src/store/orders.js'
import type { LearnReply, OverrideRecord, OverrideTerms, RestoreVerdict } from '../../src/store/override-records.js'
import type { StoreBench } from './store-bench.js'

/** What was asked of the store, if the store did it; else throws and says what it answered. */
export function done<T>(reply: Reply<T>): T {
  if (reply.status === 'ok') return reply.value
  throw new Error(`expected the store to do it, and it answered ${JSON.stringify(reply)}`)
}

/** A connection's claim: the org's scope first, then `more`. */
export function claim(id: string, org: string, limit: number, ...more: ScopeClaim[]): Claim {
  return { id, scopes: [{ name: 'org', id: org, limit }, ...more], details: `details of ${id}` }
}

export function claims(count: number, name: string, org: string, limit: number, ...more: ScopeClaim[]): Claim[] {
  return Array.from({ length: count }, (_, i) => claim(`${name}-${i}`, org, limit, ...more))
}

export interface JoinOptions {
  readonly reasserting?: boolean
  readonly info?: string
  readonly lease?: number
  /** Of the hello; one more than the last where absent. */
  readonly generation?: number
}

/** A node reduced to its lease and its connection: it says what the test tells it to, and nothing by itself. */
export class StoreNode {
  readonly lease: number
  readonly #bench: StoreBench
  #connection: StoreConnection | undefined
  #generation = 0
  #epoch: string | undefined

  private constructor(bench: StoreBench, lease: number) {
    this.#bench = bench
    this.lease = lease
  }

  /** A node with a new lease. */
  static async join(bench: StoreBench, options: JoinOptions = {}): Promise<StoreNode> {
    const node = new StoreNode(bench, options.lease ?? newLease())
    done(await node.hello(options))
    return node
  }

  get connection(): StoreConnection {
    if (!this.#connection) throw new Error('this node has not said hello')
    return this.#connection
  }

  get fence(): Fence {
    return { lease: this.lease, generation: this.#generation, epoch: this.#epoch ?? '' }
  }

  /** Says hello on a new connection with the next generation; the one before stays open for whoever kept it. */
  async hello(options: JoinOptions & Partial<HelloRequest> = {}): Promise<Reply<HelloReply>> {
    const connection = done(await this.#bench.store.connect())
    const request = {
      lease: this.lease,
      generation: this.#generation + 1,
      ...(this.#epoch !== undefined && { known: { generation: this.#generation, epoch: this.#epoch } }),
      proposedEpoch: newEpoch(),
      proposedSecret: newEpoch(),
      reasserting: options.reasserting ?? false,
      nodeInfo: options.info ?? '{}',
    }
    const reply = await connection.hello({ ...request, ...options })
    if (reply.status === 'ok') {
      this.#connection = connection
      this.#generation = options.generation ?? request.generation
      this.#epoch = reply.value.epoch
    }
    return reply
  }

  async acquire(...asked: Claim[]): Promise<Verdict[]> {
    return done(await this.connection.acquire(this.fence, asked))
  }

  /** Asks as a node does that may have asked for these before. */
  async acquireAgain(...asked: Claim[]): Promise<Verdict[]> {
    return done(await this.connection.acquire(this.fence, asked, { again: true }))
  }

  /** Each claim replaces the connection with the id beside it. */
  async takeOver(...asked: (readonly [Claim, string])[]): Promise<Verdict[]> {
    const claims = asked.map(([claim, replaces]) => ({ ...claim, replaces }))
    return done(await this.connection.takeover(this.fence, claims))
  }

  /** How many of the claims were admitted. */
  async admitted(...asked: Claim[]): Promise<number> {
    return (await this.acquire(...asked)).filter((verdict) => verdict.admitted).length
  }

  async release(...slots: SlotRef[]): Promise<void> {
    done(await this.connection.release(this.fence, slots))
  }

  async renew(ordersPassedOver?: number): Promise<RenewReply> {
    return done(await this.connection.renew(this.fence, ordersPassedOver))
  }

  async sweep(dead: number, entries: readonly IndexEntry[] = []): Promise<readonly IndexEntry[]> {
    return done(await this.connection.sweep(this.fence, dead, entries)).next
  }

  /** Sweeps a dead lease until it is forgotten; returns how many calls that took. */
  async sweepAll(dead: number): Promise<number> {
    let calls = 0
    let entries: readonly IndexEntry[] = []
    do {
      entries = await this.sweep(dead, entries)
      calls += 1
    } while (entries.length > 0)
    return calls
  }

  async reassert(mode: 'keep' | 'room', final: boolean, ...held: Claim[]): Promise<ReassertVerdict[]> {
    return done(await this.connection.reassert(this.fence, held, { mode, final }))
  }

  /** Orders connections of an org to close; the limit is only asked for where the surplus is to go. */
  async order(
    kind: OrderRequest['kind'],
    org: string,
    ids: readonly string[],
    limit = Number.POSITIVE_INFINITY,
  ): Promise<OrderReply> {
    return done(await this.connection.order(this.fence, { kind, org, limit, ids }))
  }

  /** Orders the node that holds this lease to stop. */
  async drain(node: number): Promise<DrainVerdict> {
    return done(await this.connection.drain(this.fence, node))
  }

  /** Asks the others that hold a slot of the scope to look; returns how many are to. */
  async probe(scope: ScopeRef): Promise<number> {
    return done(await this.connection.probe(this.fence, scope)).asked
  }

  async confirm(...orders: Order[]): Promise<void> {
    done(await this.connection.confirm(this.fence, orders))
  }

  async override(org: string, limit: number | undefined, terms?: OverrideTerms): Promise<void> {
    done(await this.connection.override(this.fence, org, limit, terms))
  }

  async learn(after: number): Promise<LearnReply> {
    return done(await this.connection.learn(this.fence, after))
  }

  async restore(...records: OverrideRecord[]): Promise<RestoreVerdict[]> {
    return done(await this.connection.restore(this.fence, records))
  }

  async leave(): Promise<void> {
    done(await this.connection.leave(this.fence))
  }

  /** Lives on, beat by beat, until whoever does not renew is declared dead. Returns the last renewal's reply. */
  async outlive(): Promise<RenewReply> {
    const { timing } = this.#bench
    let reply = await this.renew()
    for (let passedMs = 0; passedMs <= timing.ttlMs; passedMs += timing.renewIntervalMs) {
      await this.#bench.pass(timing.renewIntervalMs)
      reply = await this.renew()
    }
    return reply
  }
}

/** Ends the wait of a store that has just come up: renews until admissions are on. */
export async function recovered(bench: StoreBench, node: StoreNode): Promise<void> {
  while ((await node.renew()).recoveryMs > 0) await bench.pass(bench.timing.renewIntervalMs)
}

/** So much time passes in which these nodes renew, and nobody else does. */
export async function liveOn({ timing, pass }: StoreBench, forMs: number, ...nodes: StoreNode[]): Promise<void> {
  for (let passedMs = 0; passedMs <= forMs; passedMs += timing.renewIntervalMs) {
    await pass(timing.renewIntervalMs)
    for (const node of nodes) await node.renew()
  }
}
