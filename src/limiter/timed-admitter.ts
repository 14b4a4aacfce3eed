import type { Admission, AdmissionRequest, Admitter, Asker, Phase } from '../core/admission.js'
import type { Clock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import type { EventBus } from '../core/events.js'

export interface TimedAdmitterOptions {
  readonly clock: Clock
  readonly events: EventBus
}

/** Another admitter, that says how long each decision took and what it was. */
export class TimedAdmitter implements Admitter {
  readonly #admitter: Admitter
  readonly #clock: Clock
  readonly #events: EventBus
  readonly #started: Promise<void> | undefined

  /** `started` resolves when a start is over that takes no more than turns of the loop. */
  constructor(admitter: Admitter, { clock, events }: TimedAdmitterOptions, started: Promise<void> | undefined) {
    this.#admitter = admitter
    this.#clock = clock
    this.#events = events
    this.#started = started
  }

  get phase(): Phase {
    return this.#admitter.phase
  }

  get startRetryMs(): number | undefined {
    return this.#admitter.startRetryMs
  }

  /** Who asks in the first turns of the loop is not refused for it where the start takes no longer than these. */
  admit(given: AdmissionRequest, signal?: Asker): Promise<Admission> {
    if (typeof given !== 'object' || given === null) return Promise.reject(noRequest())
    if (signal !== undefined && typeof signal?.addEventListener !== 'function') return Promise.reject(noSignal())
    const request = withoutNulls(given)
    const startMs = this.#clock.monotonicMs()
    const decision =
      this.#started && this.phase === 'starting'
        ? this.#started.then(() => this.#admitter.admit(request, signal))
        : this.#admitter.admit(request, signal)
    const tell = (admission: Admission) =>
      this.#events.emit('admission.decided', {
        code: admission.admitted ? 'ADMITTED' : admission.code,
        tookMs: this.#clock.monotonicMs() - startMs,
        takesOver: request.resumeToken !== undefined || request.replaces !== undefined,
      })
    // What can never be valid is thrown to whoever asked, and was no decision.
    decision.then(tell, () => {})
    return decision
  }
}

/**
 * Null is what headers and columns have that say nothing, and a program without types hands it on: here it becomes
 * absent, for all who read the request. One without any is not copied.
 */
function withoutNulls(request: AdmissionRequest): AdmissionRequest {
  const { gateway, instance, address, tier, resumeToken, replaces } = request
  const hasNull = gateway === null || instance === null || address === null || tier === null
  if (!hasNull && resumeToken !== null && replaces !== null) return request
  return {
    ...request,
    gateway: gateway ?? undefined,
    instance: instance ?? undefined,
    address: address ?? undefined,
    tier: tier ?? undefined,
    resumeToken: resumeToken ?? undefined,
    replaces: replaces ?? undefined,
  }
}

function noSignal(): UsageError {
  return new UsageError('INVALID_SETTINGS', 'admit takes an AbortSignal as its second argument: admit(request, signal)')
}

function noRequest(): UsageError {
  return new UsageError('INVALID_ORG', "admit takes a request that names the org: admit({ org: 'acme' })")
}
