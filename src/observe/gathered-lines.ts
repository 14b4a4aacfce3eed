import type { Clock } from '../core/clock.js'

/** So long lines wait for company, once one has been written. */
const GATHER_MS = 10
/** So much is written without waiting any longer, in UTF-16 units. */
const FULL = 16 * 1024

/**
 * Lines on their way to a file. One that comes after a pause is written as soon as whoever told it is done, so that he may
 * still have it written otherwise, and those that come within 10 ms behind it together: a write costs a busy node as much
 * as ten lines do.
 */
export class GatheredLines {
  readonly #file: { write(text: string): unknown }
  readonly #clock: Pick<Clock, 'after'>
  #waiting = ''
  #isGathering = false

  constructor(file: { write(text: string): unknown }, clock: Pick<Clock, 'after'>) {
    this.#file = file
    this.#clock = clock
  }

  write(line: string): void {
    this.#waiting += line
    if (this.#waiting.length >= FULL) this.flush()
    else if (!this.#isGathering) queueMicrotask(() => this.flush())
    this.#gather()
  }

  /** Hands on what waits, without waiting any longer. */
  flush(): void {
    const text = this.#waiting
    this.#waiting = ''
    if (text !== '') this.#file.write(text)
  }

  #gather(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    this.#clock.after(GATHER_MS, () => {
      this.#isGathering = false
      if (this.#waiting === '') return
      this.flush()
      this.#gather()
    })
  }
}
