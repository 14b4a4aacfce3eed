import type { ClusterStats, OrgStats } from '../../limiter/cluster-stats.js'
import { fullest } from '../../limiter/utilisation.js'
import type { Partly } from '../../store/lease-store.js'

/** A step ends with the page that makes so many orgs. */
const ORGS_A_STEP = 2_000
/** At most so many pages, since many may be empty: keys of others stand between those of orgs. 32,000 keys of Redis. */
const PAGES_A_STEP = 64
const MOST_SHOWN = 50
/** Names that are remembered to count none twice; beyond that a repeated one counts again. */
const MOST_NAMES = 50_000

export interface Orgs {
  /** Orgs that hold slots or have an operator's exception. */
  readonly count: number
  /** At most 50. */
  readonly fullest: readonly OrgStats[]
}

/**
 * The fullest orgs of the cluster and how many orgs there are, by walking over all of them step by step, so that a
 * cluster with very many costs the store no more at a time than one with some thousands. The counts of those that are
 * shown are always new; that another one belongs among them is noticed when the walk comes by.
 */
export class OrgWalk {
  readonly #stats: ClusterStats
  #cursor = '0'
  /** Of this walk. */
  #found: OrgStats[] = []
  #names = new Set<string>()
  #unnamed = 0
  /** Of the last whole walk. */
  #shown: OrgStats[] = []
  #count = 0

  constructor(stats: ClusterStats) {
    this.#stats = stats
  }

  /** Rejects with `StoreUnavailable`; the next step goes on from there. */
  async step(how?: Partly): Promise<Orgs> {
    const isWhole = this.#cursor === '0'
    for (let [page, met] = [0, 0]; page < PAGES_A_STEP && met < ORGS_A_STEP; page++) {
      const { cursor, orgs } = await this.#stats.orgs(this.#cursor, how)
      this.#meet(orgs)
      met += orgs.length
      this.#cursor = cursor
      if (cursor === '0') {
        this.#arrive(isWhole ? [] : this.#shown)
        break
      }
    }
    const known = [...this.#shown, ...this.#found]
    // A small cluster is walked over whole in each step, and then all is new.
    const isNew = isWhole && this.#cursor === '0'
    const current = isNew
      ? known
      : await this.#stats.some(
          known.map(({ orgId }) => orgId),
          how,
        )
    this.#shown = fullest(current, MOST_SHOWN)
    return { count: Math.max(this.#count, this.#names.size), fullest: this.#shown }
  }

  #meet(orgs: readonly OrgStats[]): void {
    for (const { orgId } of orgs) {
      if (this.#names.size < MOST_NAMES || this.#names.has(orgId)) this.#names.add(orgId)
      else this.#unnamed++
    }
    this.#found = fullest([...this.#found, ...orgs], MOST_SHOWN)
  }

  #arrive(alsoShown: readonly OrgStats[]): void {
    this.#count = this.#names.size + this.#unnamed
    this.#shown = [...alsoShown, ...this.#found]
    this.#found = []
    this.#names = new Set()
    this.#unnamed = 0
  }
}
