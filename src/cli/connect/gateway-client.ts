import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '../../core/clock.js'
import { closings } from '../../core/closures.js'
import { attempt, type Outcome, type Target } from './attempt.js'
import { isPermanent, retryDelayMs } from './backoff.js'
import type { Report } from './report.js'

export interface GatewayClientOptions {
  readonly connection: number
  readonly target: Target
  readonly reconnect: boolean
  readonly report: Report
}

/** A connection that lasted shorter counts as one more failure: a server that accepts and hangs up is not well. */
const LASTED_MS = 5_000

/** A newer connection with our resume token has the slot. */
const TAKEN_OVER = closings.TAKEN_OVER.close

/**
 * One gateway: connects, holds the connection, and with `reconnect` comes back after a refusal, a failure or a loss,
 * as patiently as the server asks. It ends when it was closed on purpose, when it may not reconnect, or when a refusal
 * is final.
 */
export class GatewayClient {
  /** Resolves when the first attempt was decided. */
  readonly decided: Promise<void>
  /** Resolves when it holds nothing and will try no more. */
  readonly ended: Promise<void>
  readonly #options: GatewayClientOptions
  readonly #stop = new AbortController()
  #held: Extract<Outcome, { kind: 'accepted' }> | undefined

  constructor(options: GatewayClientOptions) {
    this.#options = options
    let decide = () => {}
    this.decided = new Promise((resolve) => {
      decide = resolve
    })
    this.ended = this.#live(decide).finally(decide)
  }

  get holding(): boolean {
    return this.#held !== undefined
  }

  /** Closes the connection properly, or gives up waiting for one. */
  close(): void {
    this.#stop.abort()
    this.#held?.close()
  }

  async #live(decide: () => void): Promise<void> {
    const { target, connection, reconnect, report } = this.#options
    const { signal } = this.#stop
    let failures = 0
    let resumeToken: string | undefined
    while (!signal.aborted) {
      const outcome = await attempt({ ...target, ...(resumeToken && { resumeToken }) }, signal)
      if (signal.aborted && outcome.kind !== 'accepted') return
      this.#tell(outcome)
      if (outcome.kind === 'accepted') resumeToken = outcome.resumeToken
      const { lasted, code } = await this.#hold(outcome, decide)
      failures = lasted ? 0 : failures + 1
      const refusal = outcome.kind === 'refused' ? outcome.refusal : undefined
      // Whoever has our token and came back with it is this client; to come back for ours would take it in turns for
      // ever.
      if (code === TAKEN_OVER) return
      if (signal.aborted || !reconnect || (refusal !== undefined && isPermanent(refusal.status))) return
      const retryAfter = refusal?.retryAfterSeconds
      const inMs = retryDelayMs(failures, retryAfter === undefined ? undefined : retryAfter * 1_000, Math.random)
      report({ event: 'retrying', connection, inMs })
      await wait(inMs, undefined, { signal }).catch(() => {})
    }
  }

  #tell(outcome: Outcome): void {
    const { connection, report } = this.#options
    if (outcome.kind === 'refused') {
      report({ event: 'refused', connection, ...outcome.refusal })
    } else if (outcome.kind === 'failed') {
      report({ event: 'failed', connection, reason: outcome.reason })
    } else {
      const { connectionId } = outcome
      report({ event: 'accepted', connection, ...(connectionId !== undefined && { connectionId }) })
    }
  }

  /** Keeps an accepted connection until it closes, and says whether it lasted and with which code it ended. */
  async #hold(outcome: Outcome, decide: () => void): Promise<{ lasted: boolean; code?: number }> {
    if (outcome.kind !== 'accepted') {
      decide()
      return { lasted: false }
    }
    const sinceMs = systemClock.monotonicMs()
    this.#held = outcome
    if (this.#stop.signal.aborted) outcome.close()
    decide()
    const closing = await outcome.closed
    this.#held = undefined
    this.#options.report({ event: 'closed', connection: this.#options.connection, ...closing })
    return { lasted: systemClock.monotonicMs() - sinceMs >= LASTED_MS, code: closing.code }
  }
}
