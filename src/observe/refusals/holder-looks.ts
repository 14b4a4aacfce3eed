import type { Clock } from '../../core/clock.js'
import type { ClusterStats } from '../../limiter/cluster-stats.js'
import type { HolderStats } from '../../limiter/holders.js'

/** A look is shared by all refusals of its org for so long. */
const LOOK_MS = 1_000
/** Orgs that are looked at in that time; the refusals of others go without. */
const MOST_LOOKS = 8
const MOST_HOLDERS = 10

/**
 * Who holds the slots of an org that is full. A storm of refusals costs the store one question per org and second, and
 * eight in all: it is asked while the org is refused, and who asks may have the answer late or not at all.
 */
export class HolderLooks {
  readonly #stats: Pick<ClusterStats, 'connections'>
  readonly #clock: Clock
  readonly #looks = new Map<string, Promise<HolderStats[] | undefined>>()
  #sinceMs = Number.NEGATIVE_INFINITY

  constructor(stats: Pick<ClusterStats, 'connections'>, clock: Clock) {
    this.#stats = stats
    this.#clock = clock
  }

  /** At most 10 holders; `undefined` where the store does not answer or too many other orgs are asked about. */
  async of(org: string): Promise<readonly HolderStats[] | undefined> {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#sinceMs >= LOOK_MS) {
      this.#looks.clear()
      this.#sinceMs = nowMs
    }
    const known = this.#looks.get(org)
    if (known || this.#looks.size >= MOST_LOOKS) return known
    const look = this.#stats.connections(org, MOST_HOLDERS).catch(() => undefined)
    this.#looks.set(org, look)
    return look
  }
}
