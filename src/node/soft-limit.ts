import { LRUCache } from 'lru-cache'
import type { EventBus } from '../core/events.js'

/** Beyond that the org that crossed first is forgotten, and may be told a second time. */
const MAX_ORGS = 10_000

/**
 * Says once when an org comes near its limit (or reaches it), as far as this node's admissions show it: at the first one, granted or
 * denied, at which the org holds its share of the limit, and again only after one at which it held less.
 */
export class SoftLimit {
  readonly #events: EventBus
  readonly #percent: number
  readonly #event: 'org.nearly_full' | 'org.full'
  readonly #nearlyFull = new LRUCache<string, true>({ max: MAX_ORGS })

  /** `percent` of an org's limit, from 1 to 100. */
  constructor(events: EventBus, percent: number, event: 'org.nearly_full' | 'org.full' = 'org.nearly_full') {
    this.#event = event
    this.#events = events
    this.#percent = percent
    // Of the whole limit: whether one that has priority comes or another must not make a difference.
    events.on('admission.granted', ({ org, currentCount, maxAllowed, reserved = 0 }) =>
      this.#see(org, currentCount, maxAllowed + reserved),
    )
    events.on('admission.denied', ({ org, code, currentCount = 0, maxAllowed = 0, reserved = 0 }) => {
      if (code === 'ORG_CONNECTION_LIMIT_EXCEEDED') this.#see(org, currentCount, maxAllowed + reserved)
    })
  }

  #see(org: string, currentCount: number, maxAllowed: number): void {
    // Nobody comes near a limit of nothing.
    if (maxAllowed === 0 || currentCount * 100 < maxAllowed * this.#percent) {
      this.#nearlyFull.delete(org)
      return
    }
    if (this.#nearlyFull.has(org)) return
    this.#nearlyFull.set(org, true)
    this.#events.emit(this.#event, { org, currentCount, maxAllowed })
  }
}
