import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from './owned-process.js'

/** The wall clock of a server process, in the test's hand: give `env` to the server. */
export class WallClock {
  readonly env: Readonly<Record<string, string>>
  readonly #path = join(temporaryDirectory(), 'offset')

  constructor(offsetMs = 0) {
    this.shift(offsetMs)
    const preload = new URL('./wall-clock.mjs', import.meta.url)
    this.env = { NODE_OPTIONS: `--import=${preload.href}`, TEST_WALL_CLOCK: this.#path }
  }

  /** Sets it to so many milliseconds from the true time, either way. */
  shift(offsetMs: number): void {
    writeFileSync(this.#path, String(offsetMs))
  }
}
