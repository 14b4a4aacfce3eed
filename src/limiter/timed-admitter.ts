import type { Admission, AdmissionRequest, Admitter, Phase } from '../core/admission.js'
import type { Clock } from '../core/clock.js'
import type { Ending } from '../core/ending.js'
import type { EventBus } from '../core/events.js'

/** Another admitter, that says how long each decision took and what it was. */
export class TimedAdmitter implements Admitter {
  readonly #admitter: Admitter
  readonly #clock: Clock
  readonly #events: EventBus

  constructor(admitter: Admitter, clock: Clock, events: EventBus) {
    this.#admitter = admitter
    this.#clock = clock
    this.#events = events
  }

  get phase(): Phase {
    return this.#admitter.phase
  }

  admit(request: AdmissionRequest, signal?: Ending): Promise<Admission> {
    const startMs = this.#clock.monotonicMs()
    const decision = this.#admitter.admit(request, signal)
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
