import type { AdmissionRequest } from '../../core/admission.js'
import type { Clock } from '../../core/clock.js'
import { isConnectionId } from '../../core/connection-id.js'
import type { EventBus } from '../../core/events.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { HeldConnections } from '../held/held-connections.js'
import { ResumeTokens } from './resume-tokens.js'

/** Which connection a request replaces, and what becomes of that once the store has handed on its slot. */
export class Takeovers {
  readonly tokens: ResumeTokens
  readonly #events: EventBus
  readonly #held: HeldConnections

  constructor(parts: { clock: Clock; events: EventBus; held: HeldConnections; secret: string | undefined }) {
    this.tokens = new ResumeTokens(parts.clock, parts.secret)
    this.#events = parts.events
    this.#held = parts.held
  }

  /** The id of the earlier connection; `undefined` where the request is like any other. */
  replacedBy({ org, gateway, replaces, resumeToken }: AdmissionRequest): string | undefined {
    // The store remembers it for a while, so that it must not be of any length.
    if (replaces !== undefined) return isConnectionId(replaces) ? replaces : undefined
    return typeof resumeToken === 'string' ? this.tokens.connectionIn(resumeToken, { org, gateway }) : undefined
  }

  /**
   * Closes the one that was replaced at once if it is here. Elsewhere, or where the answer was lost, its order does.
   */
  tookOver({ id, org, replaces }: HeldConnection): void {
    if (replaces === undefined) return
    const old = this.#held.get(replaces)
    if (old?.staying) old.leave('TAKEN_OVER')
    this.#events.emit('connection.taken_over', { connectionId: id, org, replaced: replaces })
  }
}
