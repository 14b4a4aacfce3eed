import type { Clock } from '../../core/clock.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { ScopeRef } from '../../store/lease-store.js'
import { INSTANCE } from '../held/instances.js'
import { latestRenewalMs } from '../lease/pace.js'
import { latestLookMs } from '../lease/renew-pause.js'
import type { Session } from '../lease/session.js'
import { Recent } from './recent.js'

export interface FarProbesParts {
  readonly clock: Clock
  readonly timing: LeaseTiming
  /** What a peer has to answer; 0 to ask nobody. */
  readonly timeoutMs: number
  readonly session: () => Session | undefined
}

/**
 * Has the other nodes that hold slots of a full scope look for their silent peers. They hear of it with their next
 * renewals, so whoever is refused now may find room a renew interval and the peers' time to answer later. Asked for a
 * scope once a second at most, and not where this node is alone as far as it has heard.
 */
export class FarProbes {
  readonly #parts: FarProbesParts
  readonly #asked: Recent<Promise<number | undefined>>
  #liveNodes = 0

  constructor(parts: FarProbesParts) {
    this.#parts = parts
    this.#asked = new Recent(parts.clock)
  }

  heard(liveNodes: number): void {
    this.#liveNodes = liveNodes
  }

  /**
   * In how many ms the other nodes will have looked, for this `org`; `undefined` where none of them does. Of a node that
   * has just started this one hears with its next renewal: who knows that the slot `isElsewhere` does not wait for that.
   */
  async doneInMs(scope: ScopeRef, org: string, isElsewhere = false): Promise<number | undefined> {
    const { clock, timeoutMs } = this.#parts
    if (timeoutMs === 0 || (this.#liveNodes < 2 && !isElsewhere)) return undefined
    const doneAtMs = await this.#asked.get(scope, org, () => this.#ask(scope))
    return doneAtMs === undefined ? undefined : Math.max(0, doneAtMs - clock.monotonicMs())
  }

  async #ask(scope: ScopeRef): Promise<number | undefined> {
    const { clock, timing, timeoutMs, session } = this.#parts
    const reply = await session()?.call((connection, fence) => connection.probe(fence, scope))
    if (reply?.status !== 'ok' || reply.value.asked === 0) return undefined
    // Who holds the slot of an instance renews more often.
    const heardInMs = scope.name === INSTANCE ? latestLookMs(timing) : latestRenewalMs(timing)
    return clock.monotonicMs() + heardInMs + timeoutMs
  }
}
