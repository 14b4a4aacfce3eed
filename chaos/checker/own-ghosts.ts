import { type Attempt, FULL, groupBy } from './history.js'
import type { Surroundings } from './surroundings.js'

/** What a peer has to answer a ping. */
const PROBE_MS = 1_000
/** A node to which one of these happens may not hear of the look, or not be able to look. */
const UNHEARING = ['store-away', 'store-lost', 'cut-off', 'paused', 'killed', 'clients-cut'] as const

/**
 * Which connections are no reason to refuse an attempt, because the client that asks has shown that they are its own: the
 * one whose token it brings (L2), and, once others have had the time to look, whatever took over by that token before with
 * an answer that was lost (L3). A look may be lost with an answer, so it is the second that counts.
 */
export class OwnGhosts {
  readonly #around: Surroundings
  readonly #byTicket: ReadonlyMap<number | undefined, readonly Attempt[]>

  constructor(attempts: readonly Attempt[], around: Surroundings) {
    this.#around = around
    this.#byTicket = groupBy(attempts, ({ resumes }) => resumes)
  }

  isOne(other: Attempt, { number, resumes, askedMs }: Attempt): boolean {
    if (resumes === undefined || other.number === number) return false
    if (other.number === resumes) return true
    const { leave, openedMs, failedMs = Number.POSITIVE_INFINITY } = other
    if (other.resumes !== resumes || leave !== 'silence' || openedMs !== undefined) return false
    const { terms, comebackMs } = this.#around
    const lookMs = terms.renewIntervalMs * 1.1 + PROBE_MS + terms.callTimeoutMs + this.#around.slackMs(askedMs)
    const refused = this.#byTicket.get(resumes)!.filter(({ refusal }) => refusal?.code === FULL)
    const first = refused.find((one) => one.askedMs > failedMs)
    if (!first || askedMs < first.refusedMs! + 2 * lookMs) return false
    return this.#around.during(UNHEARING, other.node, first.askedMs - comebackMs, askedMs).length === 0
  }
}
