import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, long, singleOf } from './fault.js'

const HOUR_MS = 3_600_000

/**
 * Redis's wall clock goes an hour forward or back, and a term later to where it was (R3). It steps at most once a term:
 * that much is assumed.
 */
export const clockJumped: Fault = {
  name: "Redis's clock jumps by an hour, and back",
  lastsMs: long,
  possible: ({ redis }) => redis.single?.clock !== undefined,
  async happen(stage, { lastsMs, roll }) {
    const { clock } = singleOf(stage)
    clock?.move(roll < 0.5 ? HOUR_MS : -HOUR_MS)
    await sleep(lastsMs)
    clock?.move(0)
    await sleep(stage.terms.ttlMs)
  },
}
