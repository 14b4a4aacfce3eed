import { type Fault, onSingle, short } from './fault.js'

/** Redis lives and lets its clients wait. Sentinels would take it for dead. */
export const redisClientPause: Fault = {
  name: 'Redis: CLIENT PAUSE',
  lastsMs: short,
  possible: onSingle,
  happen: (stage, plan) =>
    stage.during(
      'store-away',
      undefined,
      plan.lastsMs,
      () => stage.command('CLIENT', 'PAUSE', String(Math.ceil(plan.lastsMs + 1_000)), 'ALL'),
      () => stage.command('CLIENT', 'UNPAUSE'),
    ),
}
