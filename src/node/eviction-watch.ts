import type { EventBus } from '../core/events.js'
import { mayEvictSlots } from '../store/eviction-policy.js'

/**
 * Tells of each policy under which the store may throw slots away, once until it has another: it may change at any time.
 * What this returns is to be told what the store says, empty where it does not.
 */
export function evictionWatch(events: EventBus): (policy: string) => void {
  let last = ''
  return (evictionPolicy) => {
    if (evictionPolicy === '' || evictionPolicy === last) return
    last = evictionPolicy
    if (mayEvictSlots(evictionPolicy)) events.emit('store.misconfigured', { evictionPolicy })
  }
}
