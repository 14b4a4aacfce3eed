import type { LeaseTiming } from '../../src/core/lease-timing.js'
import type { BucketInspector, LeaseStore, Reply, StoreConnection } from '../../src/store/lease-store.js'
import { MAX_ITEMS, StoreUnavailable } from '../../src/store/lease-store.js'
import { MemoryInspector } from '../../src/store/memory/inspector.js'
import { MemoryJournal } from '../../src/store/memory/journal.js'
import { MemoryTables } from '../../src/store/memory/tables.js'
import { MemoryVerbs } from '../../src/store/memory/verbs.js'
import type { Dice } from './dice.js'
import { copyOf } from './stale-copy.js'
import type { Owner, World } from './world.js'

export interface NetworkHabits {
  /** Per call: the connection breaks before the request, or after it ran and before its answer. */
  breakChance: number
  /** Per call on a broken or given-up connection: what was sent is delivered all the same, up to `lateMs` later. */
  readonly lateChance: number
  readonly lateMs: number
  /** Per call: the network delivers the request twice, the second time late. */
  twiceChance: number
}

/** What one process of the store holds, and how it answers. */
interface Mind {
  readonly tables: MemoryTables
  verbs: MemoryVerbs
  readonly inspector: MemoryInspector
}

/**
 * A store of which everybody has the same view: the twin, with a clock and a mind to lose. Beside it is another process
 * that knows nothing of it, for when the address leads there.
 */
export class SimStore {
  readonly world: World
  readonly timing: LeaseTiming
  readonly habits: NetworkHabits
  frozen = false
  timeOffsetMs = 0
  #waiting: (() => void)[] = []
  #mind: Mind
  #other: Mind
  #copy: MemoryTables | undefined
  #replacements = 0

  constructor(world: World, timing: LeaseTiming, habits: NetworkHabits) {
    this.world = world
    this.timing = timing
    this.habits = habits
    this.#mind = this.#mindOver(new MemoryTables())
    this.#other = this.#mindOver(new MemoryTables())
  }

  get tables(): MemoryTables {
    return this.#mind.tables
  }

  get inspector(): MemoryInspector {
    return this.#mind.inspector
  }

  get verbs(): MemoryVerbs {
    return this.#mind.verbs
  }

  set verbs(verbs: MemoryVerbs) {
    this.#mind.verbs = verbs
  }

  /** Of whoever is led astray: the other process. */
  verbsFor({ isAstray }: { readonly isAstray: boolean }): MemoryVerbs {
    return isAstray ? this.#other.verbs : this.#mind.verbs
  }

  /** A replica has got all until now. */
  copy(): void {
    this.#copy = copyOf(this.#mind.tables)
  }

  /** The replica takes over, without what came since. */
  failOver(): void {
    const tables = copyOf(this.#copy ?? this.#mind.tables)
    tables.identity = `replica ${++this.#replacements}`
    this.#mind = this.#mindOver(tables)
  }

  #mindOver(tables: MemoryTables): Mind {
    const nowMs = () => Math.floor(this.world.nowMs + this.timeOffsetMs)
    const verbs = new MemoryVerbs(tables, this.timing, nowMs)
    return { tables, verbs, inspector: new MemoryInspector(tables, verbs.overrides, nowMs) }
  }

  /** From here on the address leads to the other process, which has not changed since it was led away from there. */
  leadElsewhere(): void {
    const mind = this.#mind
    this.#mind = this.#other
    this.#other = mind
  }

  /** A request has arrived: it runs now, or when the store thaws. */
  arrive(run: () => void): void {
    if (this.frozen) this.#waiting.push(run)
    else run()
  }

  thaw(): void {
    this.frozen = false
    for (const run of this.#waiting.splice(0)) run()
  }
}

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
      const cancel = world.at(timing.callTimeoutMs, fail, this.owner)
      if (this.cut) return
      const latencyMs = this.dice.next() * 4
      world.at(
        latencyMs,
        () => {
          if (this.cut || this.#store.frozen) return
          cancel()
          const connection = new SimConnection(this)
          this.#connections.add(connection)
          resolve({ status: 'ok', value: connection })
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
      const cancel = world.at(timing.callTimeoutMs, fail, this.owner)
      const arrive = () => {
        if (this.cut || this.#store.frozen) return
        cancel()
        resolve(ask(this.#store.inspector))
      }
      world.at(this.dice.next() * 8, arrive, this.owner)
    })
  }
}

/**
 * One connection: requests arrive in the order in which they were sent, answers come back in the order in which they
 * were given. Once it is broken no answer comes; what was sent may arrive all the same, much later.
 */
class SimConnection implements StoreConnection {
  readonly closed: Promise<string>
  readonly #link: SimLink
  readonly #pending = new Set<(cause: string) => void>()
  #close: (reason: string) => void = () => {}
  #gone: string | undefined
  readonly isAstray: boolean
  #lastArrivalMs = 0
  #lastAnswerMs = 0

  constructor(link: SimLink) {
    this.#link = link
    this.isAstray = link.isAstray
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
  }

  destroy(reason: string): void {
    this.breakNow(reason)
  }

  breakNow(reason: string): void {
    if (this.#gone) return
    this.#gone = reason
    this.#link.forget(this)
    for (const settle of this.#pending) settle(reason)
    this.#pending.clear()
    this.#close(reason)
  }

  async #renewing<T>(verb: (verbs: MemoryVerbs) => Reply<T>): Promise<Reply<T>> {
    const sentAtMs = this.#link.store.world.nowMs
    const reply = await this.#call(verb)
    if (reply.status === 'ok') this.#link.renewedAtMs = sentAtMs
    return reply
  }

  #call<T>(verb: (verbs: MemoryVerbs) => Reply<T>): Promise<Reply<T>> {
    const { store, owner } = this.#link
    const { world, timing } = store
    if (this.#gone) return Promise.resolve({ status: 'unanswered', cause: this.#gone })
    const call = this.#link.nextCall()
    const dice = world.diceFor(call)
    const { breaks, arrivesLate, comesTwice } = this.#trouble(call, dice)
    return new Promise((resolve) => {
      const settle = (reply: Reply<T>) => {
        cancel()
        this.#pending.delete(unanswered)
        resolve(reply)
      }
      const unanswered = (cause: string) => settle({ status: 'unanswered', cause })
      const cancel = world.at(timing.callTimeoutMs, () => this.breakNow('no answer in time'), owner)
      this.#pending.add(unanswered)

      if (breaks === 'before') world.at(dice.next() * 3, () => this.breakNow('reset by the network'), owner)
      const arriveMs = Math.max(this.#lastArrivalMs, world.nowMs + dice.next() * 4)
      this.#lastArrivalMs = arriveMs

      const deliverLater = (how: string) => {
        const laterMs = dice.next() * store.habits.lateMs
        world.note(`${call} will arrive ${how}, in ${Math.round(laterMs)} ms`)
        world.at(laterMs, () => store.arrive(() => void verb(store.verbsFor(this))))
      }
      const execute = () => store.arrive(() => this.#answer(verb(store.verbsFor(this)), settle, breaks === 'after'))
      this.#link.travel(arriveMs - world.nowMs, () => {
        // What a broken connection had sent is lost, or held back by the network and delivered later.
        if (!this.#gone) execute()
        else if (arrivesLate && world.happens(`${call} arrives late`)) deliverLater('late, from a broken connection')
      })
      if (comesTwice) deliverLater('a second time')
    })
  }

  #trouble(call: string, dice: Dice) {
    const { world, habits } = this.#link.store
    const breaks = dice.chance(habits.breakChance) ? dice.pick(['before', 'after'] as const) : undefined
    const comesTwice = dice.chance(habits.twiceChance)
    return {
      breaks: breaks && world.happens(`${call} breaks ${breaks} it ran`) ? breaks : undefined,
      arrivesLate: dice.chance(habits.lateChance),
      comesTwice: comesTwice && world.happens(`${call} comes twice`),
    }
  }

  #answer<T>(reply: Reply<T>, settle: (reply: Reply<T>) => void, breaks: boolean): void {
    const { store, owner } = this.#link
    const { world } = store
    const atMs = Math.max(this.#lastAnswerMs, world.nowMs + this.#link.dice.next() * 4)
    this.#lastAnswerMs = atMs
    this.#link.travel(
      atMs - world.nowMs,
      () => {
        if (this.#gone) return
        if (breaks) this.breakNow('reset by the network')
        else settle(reply)
      },
      owner,
    )
  }

  hello: StoreConnection['hello'] = async (request) => {
    const reply = await this.#renewing((verbs) => verbs.hello(request))
    if (reply.status !== 'ok') return reply
    const { afterHello } = this.#link
    this.#link.afterHello = undefined
    afterHello?.()
    return reply
  }
  acquire: StoreConnection['acquire'] = (fence, claims, how) => this.#call((verbs) => verbs.acquire(fence, claims, how))
  takeover: StoreConnection['takeover'] = (fence, claims) => this.#call((verbs) => verbs.takeover(fence, claims))
  release: StoreConnection['release'] = (fence, slots) => this.#call((verbs) => verbs.release(fence, slots))
  renew: StoreConnection['renew'] = (fence, passedOver) => this.#renewing((verbs) => verbs.renew(fence, passedOver))
  sweep: StoreConnection['sweep'] = (fence, dead, entries) =>
    this.#call((verbs) => verbs.sweep(fence, dead, entries, MAX_ITEMS))
  leave: StoreConnection['leave'] = (fence) => this.#call((verbs) => verbs.leave(fence))
  reassert: StoreConnection['reassert'] = (fence, claims, how) =>
    this.#call((verbs) => verbs.reassert(fence, claims, how))
  override: StoreConnection['override'] = (fence, org, limit, terms) =>
    this.#call((verbs) => verbs.fenced(fence, () => verbs.overrides.set(org, limit, terms)))
  learn: StoreConnection['learn'] = (fence, after) =>
    this.#call((verbs) => verbs.fenced(fence, () => verbs.overrides.learn(after, MAX_ITEMS)))
  restore: StoreConnection['restore'] = (fence, records) =>
    this.#call((verbs) => verbs.fenced(fence, () => verbs.overrides.restore(records)))
  order: StoreConnection['order'] = (fence, request) =>
    this.#call((verbs) => verbs.fenced(fence, () => verbs.orders.give(request)))
  drain: StoreConnection['drain'] = (fence, node) =>
    this.#call((verbs) => verbs.fenced(fence, () => verbs.orders.drain(node)))
  confirm: StoreConnection['confirm'] = (fence, orders) =>
    this.#call((verbs) => verbs.fenced(fence, () => verbs.orders.confirm(fence.lease, orders)))
  probe: StoreConnection['probe'] = (fence, scope) =>
    this.#call((verbs) => verbs.fenced(fence, () => verbs.probes.ask(fence.lease, scope)))
  audit: StoreConnection['audit'] = (fence, cursor, slots) => this.#call((verbs) => verbs.audit(fence, cursor, slots))
}
