import type { LeaseTiming } from '../../src/core/lease-timing.js'
import { MemoryInspector } from '../../src/store/memory/inspector.js'
import { MemoryTables } from '../../src/store/memory/tables.js'
import { MemoryVerbs } from '../../src/store/memory/verbs.js'
import { copyOf } from './stale-copy.js'
import type { World } from './world.js'

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
