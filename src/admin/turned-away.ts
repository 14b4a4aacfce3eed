import type { Clock } from '../core/clock.js'
import { Rates } from '../gate/rates.js'
import type { Log } from '../observe/log.js'

/** Lines in a minute: an address that sends wrong tokens has to wait before it has used up its own. */
const LINES = { perAddress: 30, perNode: 300 }
const SUMMARY_MS = 60_000
/** Whoever is turned away need not have asked for anything that there is. */
const MAX_PATH_LENGTH = 256

/** Who asked for a change that he may not make, and from where. */
export interface Attempt {
  readonly role: string | undefined
  readonly address: string
  readonly method: string
  readonly path: string
  readonly status: number
}

/**
 * Writes a line for each change that was asked for by somebody who may not make it. He needs no token for that and may
 * ask as often as he likes: so the lines have a bound, or they would fill the disk and, where the log is read too slowly,
 * push out those of changes that were made. What is above it is told once a minute as one number.
 */
export class TurnedAway {
  readonly #log: Log
  readonly #clock: Clock
  readonly #rates = new Rates(LINES, () => 0)
  #untold = 0
  #cancel: (() => void) | undefined

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  async add({ path, ...attempt }: Attempt): Promise<void> {
    if ((await this.#rates.ofAttempt(attempt.address)) === undefined) {
      this.#log.info({ audit: true, ...attempt, path: path.slice(0, MAX_PATH_LENGTH) }, 'an operator asked')
      return
    }
    this.#untold++
    this.#cancel ??= this.#clock.after(SUMMARY_MS, () => this.#tell())
  }

  /** Tells what is still untold, and stops the timers. */
  stop(): void {
    this.#cancel?.()
    this.#tell()
    this.#rates.stop()
  }

  #tell(): void {
    this.#cancel = undefined
    if (this.#untold > 0) this.#log.warn({ audit: true, count: this.#untold }, 'more changes were asked for in vain')
    this.#untold = 0
  }
}
