import { type Fault, short } from './fault.js'

/** Redis lives and lets its clients wait. */
export const redisClientPause: Fault = {
  name: 'Redis: CLIENT PAUSE',
  lastsMs: short,
  happen: (stage, plan) =>
    stage.during(
      'store-away',
      undefined,
      plan.lastsMs,
      () => stage.command('CLIENT', 'PAUSE', String(Math.ceil(plan.lastsMs + 1_000)), 'ALL'),
      () => stage.command('CLIENT', 'UNPAUSE'),
    ),
}
