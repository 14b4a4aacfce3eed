import { LRUCache } from 'lru-cache'
import type { EventBus } from '../core/events.js'

/** Beyond that the org that crossed first is forgotten, and may be told a second time. */
const MAX_ORGS = 10_000

/**
 * From now on says once when an org holds `percent` (from 1 to 100) of its limit, as far as this node's admissions show
 * it: at the first one, granted or denied, at which it does, and again only after one at which it held less.
 */
export function tellWhenReached(events: EventBus, percent: number, event: 'org.nearly_full' | 'org.full'): void {
  const told = new LRUCache<string, true>({ max: MAX_ORGS })
  const see = (org: string, currentCount: number, maxAllowed: number) => {
    // Nobody comes near a limit of nothing.
    if (maxAllowed === 0 || currentCount * 100 < maxAllowed * percent) {
      told.delete(org)
      return
    }
    if (told.has(org)) return
    told.set(org, true)
    events.emit(event, { org, currentCount, maxAllowed })
  }
  // Of the whole limit: whether one that has priority comes or another must not make a difference.
  events.on('admission.granted', ({ org, currentCount, maxAllowed, reserved = 0 }) =>
    see(org, currentCount, maxAllowed + reserved),
  )
  events.on('admission.denied', ({ org, code, currentCount = 0, maxAllowed = 0, reserved = 0 }) => {
    if (code === 'ORG_CONNECTION_LIMIT_EXCEEDED') see(org, currentCount, maxAllowed + reserved)
  })
}
