import { encodeDetails } from '../../src/node/held/details.js'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import type { HeldConnections } from '../../src/node/held/held-connections.js'
import { Session } from '../../src/node/lease/session.js'
import { type Claim, MAX_ITEMS, type StoreConnection } from '../../src/store/lease-store.js'
import { MemoryStore } from '../../src/store/memory/store.js'
import { SHORT } from './cluster.js'
import type { ManualClock } from './manual-clock.js'
import { SteeredStore } from './steered-store.js'
import { done } from './store-node.js'

/** A steered store whose time is the test's. */
export function steeredStore(clock: ManualClock, { recovery = false } = {}): SteeredStore {
  return new SteeredStore(new MemoryStore({ timing: SHORT, clock, recovery }))
}

export function claimOf(id: string, org = 'acme', limit = 3): Claim {
  return { id, scopes: [{ name: 'org', id: org, limit }], details: encodeDetails({ limit }) }
}

export function connectionOf(id: string, org = 'acme', limit = 3, sinceMs = 0, replaces?: string): HeldConnection {
  return new HeldConnection(claimOf(id, org, limit), sinceMs, replaces)
}

/** Opens sessions of one lease, each with the next generation. */
export class SessionMaker {
  readonly lease: number
  readonly #store: { connect(): ReturnType<SteeredStore['connect']> }
  #generation = 0
  #epoch: string | undefined

  constructor(store: { connect(): ReturnType<SteeredStore['connect']> }, lease = 4_711) {
    this.lease = lease
    this.#store = store
  }

  async next(): Promise<Session> {
    const connection: StoreConnection = done(await this.#store.connect())
    const known = this.#epoch !== undefined && { known: { generation: this.#generation, epoch: this.#epoch } }
    this.#generation++
    const { epoch } = done(
      await connection.hello({
        ...{ lease: this.lease, generation: this.#generation, proposedEpoch: 'e1', proposedSecret: 's', ...known },
        ...{ reasserting: false, nodeInfo: '{}' },
      }),
    )
    this.#epoch = epoch
    return new Session(connection, { lease: this.lease, generation: this.#generation, epoch })
  }
}

/** Lets everything that is ready to go on do so; no time passes on the test's clock. */
export async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise(setImmediate)
}

/** So much time passes on the test's clock, and whatever falls due meanwhile is done. */
export async function passTime(clock: ManualClock, ms: number, stepMs = 10): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(Math.min(stepMs, ms - passed))
    await turns()
  }
}

/** What every renewal of another node would do once the lease has run out. */
export function declareDead(store: SteeredStore, lease: number): void {
  store.inner.tables.live.delete(lease)
  store.inner.tables.dead.add(lease)
}

/** Takes a slot for each of them, as a node that admits them does. */
export async function takeSlots(
  session: Session,
  held: HeldConnections,
  connections: readonly HeldConnection[],
): Promise<void> {
  for (let from = 0; from < connections.length; from += MAX_ITEMS) {
    const claims = connections.slice(from, from + MAX_ITEMS).map(({ claim }) => claim)
    done(await session.call((line, fence) => line.acquire(fence, claims)))
  }
  for (const connection of connections) {
    connection.hold()
    held.add(connection)
  }
}
