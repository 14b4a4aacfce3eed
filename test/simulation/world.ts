import type { Clock } from '../../src/core/clock.js'
import { Dice } from './dice.js'

/** Who an event belongs to: it waits while its owner is paused, and is lost when its owner is dead. */
export interface Owner {
  readonly name: string
  paused: boolean
  dead: boolean
  /** How long its machine has slept in all: so far its monotonic clock is behind. */
  sleptMs: number
}

/**
 * How a pause ends for what became due meanwhile. It happens at once: in the order in which it became due, or as an event
 * loop may see it, timers before what has arrived. Or the machine slept, and its timers have all their time to go yet.
 */
export type Waking = 'as due' | 'timers first' | 'slept'

interface Event {
  atMs: number
  order: number
  readonly owner: Owner | undefined
  readonly run: () => void
  readonly isTimer: boolean
  cancelled: boolean
}

/** Virtual time: a queue of events, run one by one, each until nothing it started can go on by itself. */
export class World {
  nowMs = 0
  readonly seed: number
  readonly history: string[] = []
  /** What happened that need not have: visits of clients, faults, troubles of the network. In order. */
  readonly incidents: string[] = []
  readonly #without: ReadonlySet<string>
  #over = false
  #events: Event[] = []
  #order = 0
  #backlog: Event[] = []

  /** The same day again, `without` some of its incidents. */
  constructor(seed: number, without: ReadonlySet<string>) {
    this.seed = seed
    this.#without = without
  }

  diceFor(purpose: string): Dice {
    return new Dice(this.seed, purpose)
  }

  /** Whether an incident takes place; it does unless this day is played without it. */
  happens(incident: string): boolean {
    if (this.#without.has(incident)) return false
    this.incidents.push(incident)
    return true
  }

  /** No event is run any more. */
  end(): void {
    this.#over = true
  }

  at(delayMs: number, run: () => void, owner?: Owner, isTimer = false): () => void {
    const atMs = this.nowMs + Math.max(0, delayMs)
    const event: Event = { atMs, order: this.#order++, owner, run, isTimer, cancelled: false }
    this.#push(event)
    return () => {
      event.cancelled = true
    }
  }

  note(line: string): void {
    if (this.#over) return
    this.history.push(`${(this.nowMs / 1_000).toFixed(3).padStart(9)}  ${line}`)
  }

  /** The owner goes on after a pause that began then. */
  resume(owner: Owner, pausedAtMs: number, waking: Waking): void {
    owner.paused = false
    const late = this.#backlog.filter((event) => event.owner === owner)
    this.#backlog = this.#backlog.filter((event) => event.owner !== owner)
    if (waking === 'slept') this.#sleep(owner, this.nowMs - pausedAtMs, late)
    // The order of making is kept by the queue; a timer is made before the answer that it waits for.
    if (waking !== 'timers first') late.sort((one, other) => one.atMs - other.atMs || one.order - other.order)
    for (const event of late) {
      event.atMs = Math.max(this.nowMs, event.atMs)
      if (waking !== 'timers first') event.order = this.#order++
      this.#push(event)
    }
  }

  #sleep(owner: Owner, sleptMs: number, late: readonly Event[]): void {
    owner.sleptMs += sleptMs
    const waiting = this.#events.splice(0)
    for (const event of [...waiting, ...late]) if (event.owner === owner && event.isTimer) event.atMs += sleptMs
    for (const event of waiting) this.#push(event)
  }

  async run(forMs: number, afterEach: () => void): Promise<void> {
    const endMs = this.nowMs + forMs
    for (let event = this.#peek(); event && event.atMs <= endMs && !this.#over; event = this.#peek()) {
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

  /** A node's view of time. Its wall clock may be nonsense; its monotonic clock runs with the world while it is awake. */
  clock(owner: Owner, wallOffsetMs: () => number): Clock {
    return {
      monotonicMs: () => this.nowMs - owner.sleptMs,
      wallMs: () => this.nowMs + wallOffsetMs(),
      after: (delayMs, task) => this.at(delayMs, task, owner, true),
      // Behind whatever else is due now: as in the event loop, something may come between.
      soon: (task) => void this.at(0, task, owner),
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
