import type { Clock } from '../../src/core/clock.js'

/** A small deterministic generator (mulberry32), so that one number replays a whole run. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** A whole number in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.int(0, list.length - 1)]
  }
}

/** Who an event belongs to: it waits while its owner is paused, and is lost when its owner is dead. */
export interface Owner {
  readonly name: string
  paused: boolean
  dead: boolean
}

interface Event {
  atMs: number
  order: number
  readonly owner: Owner | undefined
  readonly run: () => void
  cancelled: boolean
}

/** Virtual time: a queue of events, run one by one, each until nothing it started can go on by itself. */
export class World {
  nowMs = 0
  readonly dice: Dice
  readonly history: string[] = []
  #events: Event[] = []
  #order = 0
  #backlog: Event[] = []

  constructor(seed: number) {
    this.dice = new Dice(seed)
  }

  at(delayMs: number, run: () => void, owner?: Owner): () => void {
    const event: Event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, owner, run, cancelled: false }
    this.#push(event)
    return () => {
      event.cancelled = true
    }
  }

  note(line: string): void {
    this.history.push(`${(this.nowMs / 1_000).toFixed(3).padStart(9)}  ${line}`)
  }

  /**
   * Everything that became due while the owner was paused happens now, at once: in the order in which it became due,
   * or as an event loop may see it, timers before what has arrived.
   */
  resume(owner: Owner): void {
    owner.paused = false
    const late = this.#backlog.filter((event) => event.owner === owner)
    this.#backlog = this.#backlog.filter((event) => event.owner !== owner)
    // The order of making is kept by the queue; a timer is made before the answer that it waits for.
    const asDue = this.dice.chance(0.5)
    if (asDue) late.sort((one, other) => one.atMs - other.atMs || one.order - other.order)
    for (const event of late) {
      event.atMs = this.nowMs
      if (asDue) event.order = this.#order++
      this.#push(event)
    }
  }

  async run(forMs: number, afterEach: () => void): Promise<void> {
    const endMs = this.nowMs + forMs
    for (let event = this.#peek(); event && event.atMs <= endMs; event = this.#peek()) {
      this.#pop()
      if (event.cancelled || event.owner?.dead) continue
      this.nowMs = Math.max(this.nowMs, event.atMs)
      if (event.owner?.paused) {
        this.#backlog.push(event)
        continue
      }
      event.run()
      await settled()
      afterEach()
    }
    this.nowMs = endMs
  }

  /** A node's view of time. Its wall clock may be nonsense; its monotonic clock runs with the world. */
  clock(owner: Owner, wallOffsetMs: () => number): Clock {
    return {
      monotonicMs: () => this.nowMs,
      wallMs: () => this.nowMs + wallOffsetMs(),
      after: (delayMs, task) => this.at(delayMs, task, owner),
    }
  }

  // A binary heap by time, then by order of making.
  #peek(): Event | undefined {
    return this.#events[0]
  }

  #push(event: Event): void {
    const heap = this.#events
    let i = heap.push(event) - 1
    while (i > 0 && before(event, heap[(i - 1) >> 1] as Event)) {
      heap[i] = heap[(i - 1) >> 1] as Event
      i = (i - 1) >> 1
    }
    heap[i] = event
  }

  #pop(): void {
    const heap = this.#events
    const last = heap.pop() as Event
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++
      if (!before(heap[child] as Event, last)) break
      heap[i] = heap[child] as Event
      i = child
    }
    heap[i] = last
  }
}

function before(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}

/** A turn of the real event loop: every promise that could be settled has been. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
