import type { Answer, Api } from './api.js'
import type { Org } from './types.js'

/** Pages of some 500 orgs each; beyond that a search in the browser is the wrong tool. */
const MOST_PAGES = 10
const STALE_MS = 5_000

interface Page {
  readonly orgs: readonly Org[]
  readonly nextCursor: string | null
}

/** The orgs that are known: the fullest from each snapshot and, once somebody looks beyond them, all the others. */
export class OrgDirectory {
  readonly #api: Api
  readonly #changed: () => void
  #fullest: readonly Org[] = []
  #others: ReadonlyMap<string, Org> = new Map()
  #total = 0
  #loadedAtMs = 0
  #loading = false

  constructor(api: Api, changed: () => void) {
    this.#api = api
    this.#changed = changed
  }

  /** How many there are, known or not. */
  get total(): number {
    return Math.max(this.#total, this.#fullest.length)
  }

  /** All that are known; what a snapshot says counts more than what was loaded before it. */
  get known(): readonly Org[] {
    const all = new Map(this.#others)
    for (const org of this.#fullest) all.set(org.orgId, org)
    return [...all.values()]
  }

  tell(fullest: readonly Org[], total: number): void {
    this.#fullest = fullest
    this.#total = total
    // With room for all of them in a snapshot, what was loaded once could only be old.
    if (total <= fullest.length) this.#others = new Map()
  }

  /** Loads the orgs that no snapshot tells of, unless that has just been done. */
  async lookFurther(): Promise<void> {
    if (this.#loading || this.#total <= this.#fullest.length || Date.now() - this.#loadedAtMs < STALE_MS) return
    this.#loading = true
    const found = new Map<string, Org>()
    let cursor: string | null = '0'
    let whole = true
    for (let page = 0; page < MOST_PAGES && cursor !== null && whole; page++) {
      const answer: Answer<Page> = await this.#api.get(`orgs?cursor=${encodeURIComponent(cursor)}`)
      whole = answer.ok
      if (!answer.ok) continue
      for (const org of answer.body.orgs) found.set(org.orgId, org)
      cursor = answer.body.nextCursor
    }
    this.#loading = false
    this.#loadedAtMs = Date.now()
    // What was known before is better than a part.
    if (whole) this.#others = found
    this.#changed()
  }
}
