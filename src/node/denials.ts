import type { Denied } from '../core/admission.js'
import type { EventBus } from '../core/events.js'
import type { LeaseTiming } from '../core/lease-timing.js'
import { retryAfterMs, retryWhenProbedMs } from '../core/retry-after.js'
import type { Claim } from '../store/lease-store.js'
import type { AdmissionOutcome } from './admission-queue.js'
import { type Denial, denialOf, fullScope } from './denial.js'
import type { FarProbes } from './far-probes.js'
import { INSTANCE } from './instances.js'

/** Puts denials into words, tells of them, and says when to come back. */
export class Denials {
  readonly #parts: {
    readonly events: EventBus
    readonly timing: LeaseTiming
    readonly random: () => number
    readonly farProbes: FarProbes
  }

  constructor(parts: { events: EventBus; timing: LeaseTiming; random: () => number; farProbes: FarProbes }) {
    this.#parts = parts
  }

  /**
   * Where a limit is full, the other nodes that hold its slots are told to look for silent peers first. The connection
   * of an instance was looked for already.
   */
  async probeAndDeny(claim: Claim, outcome: Exclude<AdmissionOutcome, { kind: 'abandoned' }>): Promise<Denied> {
    const full = fullScope(outcome, claim)
    const probedInMs = full && full.name !== INSTANCE ? await this.#parts.farProbes.doneInMs(full) : undefined
    return this.deny(claim, denialOf(outcome, claim), probedInMs)
  }

  deny(claim: Claim, { cause, freeInMs, ...denied }: Denial, probedInMs = Number.POSITIVE_INFINITY): Denied {
    const { events, timing, random } = this.#parts
    events.emit('admission.denied', { ...denied, org: claim.scopes[0].id, ...(cause && { cause }) })
    // An expired lease is declared dead by the next renewal of any node.
    const expectedMs = freeInMs === undefined ? undefined : freeInMs + timing.renewIntervalMs
    const isProbedFirst = probedInMs < (expectedMs ?? Number.POSITIVE_INFINITY)
    const waitMs = isProbedFirst ? retryWhenProbedMs(probedInMs, random) : retryAfterMs(expectedMs, random)
    return { admitted: false, ...denied, retryAfterMs: waitMs }
  }
}
