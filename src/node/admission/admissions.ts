import type { Admission, AdmissionRequest, Asker, Phase } from '../../core/admission.js'
import type { Clock } from '../../core/clock.js'
import { ConnectionIds } from '../../core/connection-id.js'
import type { Ending } from '../../core/ending.js'
import type { EventBus } from '../../core/events.js'
import type { Claim } from '../../store/lease-store.js'
import { type ClaimDefaults, claimOf } from '../held/claim-of.js'
import { HeldConnection } from '../held/held-connection.js'
import type { LeaseKeeper } from '../lease/lease-keeper.js'
import type { Overrides } from '../limits/overrides.js'
import type { AdmissionOutcome, AdmissionQueue } from '../queues/admission-queue.js'
import type { Absence, Slot } from './absence.js'
import { AdmittedConnection, type AdmittedOwner } from './admitted.js'
import type { Attempts, SlotAttempt } from './attempts.js'
import type { Denials } from './denials.js'
import type { Takeovers } from './takeovers.js'

interface AdmissionsParts {
  readonly clock: Clock
  readonly defaults: ClaimDefaults
  readonly events: EventBus
  readonly phase: () => Phase
  readonly keeper: Pick<LeaseKeeper, 'idPrefix' | 'session' | 'pause'>
  readonly queue: Pick<AdmissionQueue, 'ask'>
  readonly attempts: Attempts
  readonly takeovers: Takeovers
  readonly absence: Absence
  readonly overrides: Pick<Overrides, 'limitOf'>
  readonly denials: Denials
  readonly release: AdmittedOwner['release']
}

/**
 * Decides about one request: the store is asked; where that says no, it is asked again if somebody has gone meanwhile;
 * where it does not answer, the policy for its absence decides. Every no is told with its reason.
 */
export class Admissions {
  readonly #parts: AdmissionsParts
  readonly #owner: AdmittedOwner
  readonly #ids = new ConnectionIds()

  constructor(parts: AdmissionsParts) {
    const { absence, takeovers, release } = parts
    this.#parts = parts
    this.#owner = {
      mayCarryFrames: absence.mayCarryFrames,
      release,
      resumeToken: (whose, id) => takeovers.tokens.issue(whose, id),
    }
  }

  async admit(request: AdmissionRequest, signal?: Asker): Promise<Admission> {
    const claim = this.#claim(request)
    const phase = this.#parts.phase()
    if (phase !== 'running') {
      return this.#parts.denials.deny(claim, { code: phase === 'starting' ? 'STARTING' : 'DRAINING' })
    }
    const asking = this.#connection(claim, this.#parts.takeovers.replacedBy(request))
    const outcome = await this.#parts.queue.ask(asking, signal)
    // What is not usual has a function of its own: what one keeps while it waits is paid for at every upgrade.
    if (outcome.kind === 'decided' && outcome.verdict.admitted) return this.#grant(request, asking, outcome.verdict)
    return this.#admitAfterAll(request, { connection: asking, outcome }, signal)
  }

  /** Goes on where the first answer was no. */
  async #admitAfterAll(request: AdmissionRequest, first: SlotAttempt, signal?: Asker): Promise<Admission> {
    const { phase, denials, attempts, events } = this.#parts
    const { claim, replaces } = first.connection
    const another = () => this.#connection(this.#renamed(claim), replaces)
    const { connection, outcome } = await attempts.goOn(first, another, signal)
    if (outcome.kind === 'decided' && outcome.verdict.admitted) return this.#grant(request, connection, outcome.verdict)
    if (outcome.kind === 'abandoned') {
      events.emit('admission.abandoned', { org: connection.org })
      return { admitted: false, code: 'ADMISSION_UNDECIDED' }
    }
    if (outcome.kind === 'decided' && phase() !== 'running') return denials.deny(claim, { code: 'DRAINING' })
    return this.#admitOnDebt(request, first.connection, outcome, signal) ?? denials.probeAndDeny(claim, outcome)
  }

  /** In the store's place, where the policy says so: under an id of its own, since the other may be taken back. */
  #admitOnDebt(
    request: AdmissionRequest,
    { claim, replaces }: HeldConnection,
    outcome: AdmissionOutcome,
    signal?: Ending,
  ): Admission | undefined {
    const { phase, keeper, absence, overrides } = this.#parts
    if (outcome.kind !== 'unavailable' || keeper.session || signal?.aborted || phase() !== 'running') return undefined
    const connection = this.#connection(this.#renamed(claim), replaces)
    const slot = absence.admit(connection, overrides.limitOf(connection.org))
    return slot && this.#grant(request, connection, slot)
  }

  #grant(request: AdmissionRequest, connection: HeldConnection, slot: Slot & { tookOver?: true }): Admission {
    const { phase, takeovers, keeper, events } = this.#parts
    // A stop that began during the decision closes this connection like the others.
    if (phase() === 'draining' || phase() === 'stopped') connection.lose('DRAINING')
    if (slot.tookOver) takeovers.tookOver(connection)
    if (connection.instance) keeper.pause.shorten()
    const admitted = new AdmittedConnection(connection, slot, request, this.#owner)
    const { connectionId, currentCount, maxAllowed, reserved } = admitted
    const kept = reserved === undefined ? undefined : { reserved }
    events.emit('admission.granted', { connectionId, org: connection.org, currentCount, maxAllowed, ...kept })
    return admitted
  }

  /** Once a request: what is odd about it is told with this. */
  #claim(request: AdmissionRequest): Claim {
    const { clock, defaults, events } = this.#parts
    return claimOf(request, defaults, { id: this.#nextId(), sinceMs: clock.wallMs() }, events)
  }

  #renamed(claim: Claim): Claim {
    return { ...claim, id: this.#nextId() }
  }

  #nextId(): string {
    return this.#ids.next(this.#parts.keeper.idPrefix)
  }

  #connection(claim: Claim, replaces?: string): HeldConnection {
    return new HeldConnection(claim, this.#parts.clock.monotonicMs(), replaces)
  }
}
