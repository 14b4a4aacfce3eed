import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, long, onSingle } from './fault.js'
import { linkBlackHoleLong } from './link-black-hole.js'
import { redisFlushed } from './redis-flushed.js'

/**
 * As where a zone goes away with the primary and some nodes: the store does not know what it should wait for (R1, R5).
 * Under `close` it must not let anybody in before the node that is cut off has closed what it holds.
 */
export const linkBlackHoleFlushed: Fault = {
  name: 'node cut off from Redis (black hole), and FLUSHALL meanwhile',
  lastsMs: (terms, roll) => long(terms, roll) + terms.renewIntervalMs,
  possible: onSingle,
  async happen(stage, plan) {
    const cutOff = linkBlackHoleLong.happen(stage, plan)
    await sleep(plan.roll * stage.terms.renewIntervalMs)
    await redisFlushed.happen(stage, plan)
    await cutOff
  },
}
