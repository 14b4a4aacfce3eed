import type { Clock } from '../core/clock.js'
import { Rates } from '../gate/rates.js'
import type { Log } from '../observe/log.js'
import type { Guard } from './auth.js'

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

type WrongToken = Parameters<Guard['onWrongToken']>[0]

/**
 * Writes a line for each change that was asked for by somebody who may not make it, and for an address that sends wrong
 * tokens. Nobody needs a token for that, and one host may have very many addresses: so the lines have a bound, or they
 * would fill the disk and, where the log is read too slowly, push out those of changes that were made. What is above it
 * is told once a minute as one number.
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
    if (!(await this.#hasRoom(attempt.address))) return
    this.#log.info({ audit: true, ...attempt, path: path.slice(0, MAX_PATH_LENGTH) }, 'an operator asked')
  }

  /** The first of an address in a minute is a line, and the one after which it has to wait. */
  async wrongToken({ address, nth, isLast }: WrongToken): Promise<void> {
    if ((nth !== 1 && !isLast) || !(await this.#hasRoom(address))) return
    if (nth === 1) this.#log.warn({ audit: true, address }, 'a wrong admin token')
    const fields = { audit: true, address, wrongTokens: nth }
    if (isLast) this.#log.warn(fields, 'too many wrong admin tokens: this address waits')
  }

  /** Tells what is still untold, and stops the timers. */
  stop(): void {
    this.#cancel?.()
    this.#tell()
    this.#rates.stop()
  }

  /** Where there is none, the line is one of those that are told as a number. */
  async #hasRoom(address: string): Promise<boolean> {
    if ((await this.#rates.ofAttempt(address)) === undefined) return true
    this.#untold++
    this.#cancel ??= this.#clock.after(SUMMARY_MS, () => this.#tell())
    return false
  }

  #tell(): void {
    this.#cancel = undefined
    const fields = { audit: true, count: this.#untold }
    if (this.#untold > 0) this.#log.warn(fields, 'more changes were asked for in vain, or more wrong tokens came')
    this.#untold = 0
  }
}
