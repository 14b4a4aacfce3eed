import {
  type BucketInspector,
  type LeaseStore,
  type Reply,
  type StoreConnection,
  StoreUnavailable,
} from '../../src/store/lease-store.js'
import { MemoryJournal } from '../../src/store/memory/journal.js'
import type { Dice } from './dice.js'
import { SimConnection } from './sim-connection.js'
import type { SimStore } from './sim-store.js'
import type { Owner } from './world.js'

/** One node's way to the store. Cutting it loses nothing by itself: what is under way waits until it is healed. */
export class SimLink implements LeaseStore {
  readonly embedded = false
  readonly description = 'simulated'
  readonly inspector: BucketInspector = {
    countOrgs: (orgs) => this.#question((inspector) => inspector.countOrgs(orgs)),
    listOrgs: (cursor) => this.#question((inspector) => inspector.listOrgs(cursor)),
    overridesOf: (org) => this.#question((inspector) => inspector.overridesOf(org)),
    holders: (org, limit) => this.#question((inspector) => inspector.holders(org, limit)),
    orgOf: (id) => this.#question((inspector) => inspector.orgOf(id)),
    nodes: (which) => this.#question((inspector) => inspector.nodes(which)),
  }
  readonly journal = new MemoryJournal()
  readonly owner: Owner
  cut = false
  /** Whoever connects now gets to the other process. */
  isAstray = false
  /** When the last answered renewal or hello was sent, seen from outside. */
  renewedAtMs: number | undefined
  readonly dice: Dice
  /** Told when a client has gone away; only a broken node would tell the store before its question was answered. */
  left: (client: string) => void = () => {}
  /** Told once, when the next hello brought a lease. */
  afterHello: (() => void) | undefined
  /** Told when something may go wrong just now: the store is being told of what is open. */
  whileTelling: (moment: string, dice: Dice) => void = () => {}
  #calls = 0
  readonly #store: SimStore
  readonly #connections = new Set<SimConnection>()
  #held: (() => void)[] = []

  constructor(store: SimStore, owner: Owner) {
    this.#store = store
    this.owner = owner
    this.dice = store.world.diceFor(`${owner.name} network`)
  }

  /** A name for the next call, by which its trouble is left out when the day is played again. */
  nextCall(): string {
    return `${this.owner.name} call ${++this.#calls}`
  }

  get store(): SimStore {
    return this.#store
  }

  connect(): Promise<Reply<StoreConnection>> {
    const { world, timing } = this.#store
    return new Promise((resolve) => {
      const fail = () => resolve({ status: 'unanswered', cause: 'no connection' })
      const cancel = world.at(timing.callTimeoutMs, fail, this.owner, true)
      if (this.cut) return
      const latencyMs = this.dice.next() * 4
      world.at(
        latencyMs,
        () => {
          if (this.cut || this.#store.frozen) return
          cancel()
          const connection = new SimConnection(this)
          this.#connections.add(connection)
          resolve({ status: 'ok', value: connection.line })
        },
        this.owner,
      )
    })
  }

  /** Something that travels; it waits while the link is cut. */
  travel(delayMs: number, arrive: () => void, owner?: Owner): void {
    this.#store.world.at(delayMs, () => (this.cut ? this.#held.push(() => arrive()) : arrive()), owner)
  }

  heal(): void {
    this.cut = false
    for (const arrive of this.#held.splice(0)) arrive()
  }

  /** The network resets every connection of this node. */
  breakAll(): void {
    for (const connection of this.#connections) connection.breakNow('reset by the network')
  }

  forget(connection: SimConnection): void {
    this.#connections.delete(connection)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Over a connection of its own; it is not asked again. */
  #question<T>(ask: (inspector: BucketInspector) => Promise<T>): Promise<T> {
    const { world, timing } = this.#store
    return new Promise((resolve, reject) => {
      const fail = () => reject(new StoreUnavailable('no answer'))
      const cancel = world.at(timing.callTimeoutMs, fail, this.owner, true)
      const arrive = () => {
        if (this.cut || this.#store.frozen) return
        cancel()
        resolve(ask(this.#store.inspector))
      }
      world.at(this.dice.next() * 8, arrive, this.owner)
    })
  }
}
