import type { Clock } from '../core/clock.js'
import type { RefusalCode } from '../core/closures.js'
import type { Log } from './log.js'

export interface RefusedUpgrade {
  readonly code: RefusalCode
  readonly requestId: string
  readonly org: string | undefined
  readonly gateway: string | undefined
  readonly address: string | undefined
}

/** How often an org's refusals are told together. */
const SUMMARY_MS = 10_000
/** Orgs times codes that are told apart; whoever sends made-up names must not grow this. */
const MAX_KINDS = 1_000

/**
 * Writes refused upgrades into the log so that a storm of them costs no line each: the first of an org for a reason at
 * `info`, the ones after it at `debug` and, every 10 s as long as there are any, as one number at `info`. Of more orgs
 * than are told apart it is one number a code.
 */
export class RefusalLog {
  readonly #log: Log
  readonly #clock: Clock
  /** Refusals that have not been told yet, by org and code. */
  readonly #untold = new Map<string, { readonly about: object; count: number }>()
  /** The same of orgs that are not told apart, by code alone. */
  readonly #othersUntold = new Map<RefusalCode, number>()
  #cancel: (() => void) | undefined

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  add(refused: RefusedUpgrade): void {
    const { org, code } = refused
    const kind = JSON.stringify([code, org])
    const known = this.#untold.get(kind)
    if (known || this.#untold.size >= MAX_KINDS) {
      if (known) known.count++
      else this.#othersUntold.set(code, (this.#othersUntold.get(code) ?? 0) + 1)
      this.#log.debug(refused, 'upgrade refused')
    } else {
      this.#untold.set(kind, { about: { code, org }, count: 0 })
      this.#log.info(refused, 'upgrade refused')
    }
    this.#cancel ??= this.#clock.after(SUMMARY_MS, () => this.#summarize())
  }

  /** Tells what is still untold, and stops the timer. */
  stop(): void {
    this.#cancel?.()
    this.#tell()
    this.#untold.clear()
    this.#cancel = undefined
  }

  #summarize(): void {
    this.#tell()
    this.#cancel = this.#untold.size > 0 ? this.#clock.after(SUMMARY_MS, () => this.#summarize()) : undefined
  }

  /** A kind that was quiet is forgotten: its next refusal is told at once again. */
  #tell(): void {
    const tell = (about: object, count: number) =>
      this.#log.info({ ...about, count, withinMs: SUMMARY_MS }, 'more upgrades refused')
    for (const [kind, untold] of this.#untold) {
      if (untold.count === 0) this.#untold.delete(kind)
      else tell(untold.about, untold.count)
      untold.count = 0
    }
    for (const [code, count] of this.#othersUntold) tell({ code }, count)
    this.#othersUntold.clear()
  }
}
