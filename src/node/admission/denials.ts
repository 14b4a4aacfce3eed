import type { Denied } from '../../core/admission.js'
import type { EventBus } from '../../core/events.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import { retryAfterMs, retryWhenProbedMs } from '../../core/retry-after.js'
import type { Claim } from '../../store/lease-store.js'
import { INSTANCE } from '../held/instances.js'
import { latestLookAfterRecoveryMs } from '../lease/renew-pause.js'
import type { FarProbes } from '../probing/far-probes.js'
import type { AdmissionOutcome } from '../queues/admission-queue.js'
import { type Denial, denialOf, fullScope } from './denial.js'

interface DenialsParts {
  readonly events: EventBus
  readonly timing: LeaseTiming
  readonly random: () => number
  readonly farProbes: FarProbes
  /** How long the store still admits nobody, as far as this node has heard. */
  readonly recoveryLeftMs: () => number | undefined
}

/** Less than this is what a store says that waits for a straggler, and nobody knows for how long. */
const LEAST_KNOWN_MS = 2

/** Puts denials into words, tells of them, and says when to come back. */
export class Denials {
  readonly #parts: DenialsParts

  constructor(parts: DenialsParts) {
    this.#parts = parts
  }

  /**
   * Where a limit is full, the other nodes that hold its slots are told to look for silent peers first. The connection
   * of an instance was looked for already.
   */
  async probeAndDeny(claim: Claim, outcome: Exclude<AdmissionOutcome, { kind: 'abandoned' }>): Promise<Denied> {
    const full = fullScope(outcome, claim)
    const [{ id: org }] = claim.scopes
    const probedInMs = full && full.name !== INSTANCE ? await this.#parts.farProbes.doneInMs(full, org) : undefined
    return this.deny(claim, denialOf(outcome, claim), probedInMs)
  }

  deny(claim: Claim, { cause, refused, freeInMs, ...denied }: Denial, probedInMs = Number.POSITIVE_INFINITY): Denied {
    const { events, random } = this.#parts
    const org = claim.scopes[0].id
    events.emit('admission.denied', { ...denied, org, ...(cause && { cause }) })
    if (refused) events.emit('store.refused', { org, reason: refused })
    const expectedMs = this.#expectedMs(denied.code, freeInMs)
    const isProbedFirst = probedInMs < (expectedMs ?? Number.POSITIVE_INFINITY)
    const waitMs = isProbedFirst ? retryWhenProbedMs(probedInMs, random) : retryAfterMs(expectedMs, random)
    return { admitted: false, ...denied, retryAfterMs: waitMs }
  }

  /** When to come back, for who is turned away before there is a claim; `undefined` where nothing is known. */
  startRetryMs(): number | undefined {
    const expectedMs = this.#expectedMs('STARTING', undefined)
    return expectedMs === undefined ? undefined : retryAfterMs(expectedMs, this.#parts.random)
  }

  #expectedMs(code: Denial['code'], freeInMs: number | undefined): number | undefined {
    const { timing, recoveryLeftMs } = this.#parts
    if (code === 'STARTING' || code === 'RECOVERING') {
      // The store's answer is as old as its clock, which stands still between renewals: both are late, never early.
      const recoveryMs = recoveryLeftMs() ?? 0
      const leftMs = Math.min(
        freeInMs ?? Number.POSITIVE_INFINITY,
        recoveryMs > 0 ? recoveryMs : Number.POSITIVE_INFINITY,
      )
      const isKnown = leftMs >= LEAST_KNOWN_MS && Number.isFinite(leftMs)
      return isKnown ? leftMs + latestLookAfterRecoveryMs(timing) : undefined
    }
    // An expired lease is declared dead by the next renewal of any node.
    return freeInMs === undefined ? undefined : freeInMs + timing.renewIntervalMs
  }
}
