import { type Clock, sleep } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { HeldConnections } from '../held/held-connections.js'
import { jittered, latestJittered } from './jitter.js'
import { LOOKS_A_RENEWAL, renewPauseMs } from './pace.js'

/**
 * So often a node renews that holds connections which named their instance: with a renewal it hears that one of them
 * has come back on another node, and that one waits for it.
 */
const LOOK_MS = 500

interface PauseParts {
  readonly clock: Clock
  readonly timing: LeaseTiming
  /** In [0, 1). */
  readonly random: () => number
  readonly held: HeldConnections
}

/** How long the next renewal of a node that holds such connections may take to come. */
export function latestLookMs({ renewIntervalMs }: LeaseTiming): number {
  return latestJittered(Math.min(renewIntervalMs, LOOK_MS))
}

/** How long after the store has recovered this node may take to hear of it. */
export function latestLookAfterRecoveryMs({ renewIntervalMs }: LeaseTiming): number {
  return renewIntervalMs / LOOKS_A_RENEWAL
}

/** The pause between two renewals of a lease: an interval, and no longer than a look where somebody may wait for one. */
export class RenewPause {
  readonly #parts: PauseParts
  #resting: { readonly sinceMs: number; readonly end: () => void } | undefined
  #cancelEnd: (() => void) | undefined

  constructor(parts: PauseParts) {
    this.#parts = parts
  }

  /** Resolves when the next renewal is due, or when `ended` aborts. Never rejects. */
  async rest(recoveryMs: number, ended: AbortSignal): Promise<void> {
    const { clock, random, held } = this.#parts
    if (ended.aborted) return
    const over = new AbortController()
    const end = () => over.abort()
    ended.addEventListener('abort', end, { once: true })
    this.#resting = { sinceMs: clock.monotonicMs(), end }
    const lookMs = held.hasInstances ? jittered(LOOK_MS, random) : Number.POSITIVE_INFINITY
    await sleep(clock, Math.min(renewPauseMs(this.#parts, recoveryMs), lookMs), over.signal)
    ended.removeEventListener('abort', end)
    this.#resting = undefined
    this.#cancelEnd?.()
    this.#cancelEnd = undefined
  }

  /** A connection that named its instance was admitted: a pause that began without any ends as one with it would. */
  shorten(): void {
    if (!this.#resting) return
    const { clock } = this.#parts
    const { sinceMs, end } = this.#resting
    this.#cancelEnd ??= clock.after(Math.max(0, sinceMs + LOOK_MS - clock.monotonicMs()), end)
  }
}
