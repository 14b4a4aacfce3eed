import type { Clock } from '../../src/core/clock.js'

interface Task {
  readonly atMs: number
  readonly run: () => void
}

/** Time in the test's hand. Both clocks begin where the test says and move only by `advance`, `freeze` and `setWall`. */
export class ManualClock implements Clock {
  #monotonicMs: number
  #wallMs: number
  readonly #tasks = new Set<Task>()

  constructor(monotonicMs = 1_000, wallMs = Date.UTC(2030, 0, 1)) {
    this.#monotonicMs = monotonicMs
    this.#wallMs = wallMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { atMs: this.#monotonicMs + delayMs, run }
    this.#tasks.add(task)
    return () => void this.#tasks.delete(task)
  }

  /** Nothing else arrives in a test's turn. */
  soon(run: () => void): void {
    run()
  }

  /** Timers that are set and have neither run nor been cancelled. */
  get pending(): number {
    return this.#tasks.size
  }

  /** How long it is until the next of them falls due; `undefined` where none is set. */
  get nextInMs(): number | undefined {
    const next = this.#nextBefore(Number.POSITIVE_INFINITY)
    return next && next.atMs - this.#monotonicMs
  }

  /** Moves both clocks on, and runs what falls due at its own time, also what is set meanwhile. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms
    for (let next = this.#nextBefore(untilMs); next !== undefined; next = this.#nextBefore(untilMs)) {
      this.#tasks.delete(next)
      this.#move(Math.max(0, next.atMs - this.#monotonicMs))
      next.run()
    }
    this.#move(untilMs - this.#monotonicMs)
  }

  /** Moves both clocks on while the process stands still: what falls due meanwhile runs late, at the next `advance`. */
  freeze(ms: number): void {
    this.#move(ms)
  }

  /** Sets the wall clock, as an operator or NTP might. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs
  }

  #move(ms: number): void {
    this.#monotonicMs += ms
    this.#wallMs += ms
  }

  #nextBefore(untilMs: number): Task | undefined {
    let next: Task | undefined
    for (const task of this.#tasks) {
      if (task.atMs <= untilMs && (next === undefined || task.atMs < next.atMs)) next = task
    }
    return next
  }
}
