import { type Fault, long, onSingle, short, singleOf } from './fault.js'

const happen: Fault['happen'] = (stage, plan) =>
  stage.during(
    'store-away',
    undefined,
    plan.lastsMs,
    () => singleOf(stage).server.pause(),
    () => singleOf(stage).server.resume(),
  )

export const redisFrozen: Fault = {
  name: 'Redis frozen (SIGSTOP) for less than a lease',
  lastsMs: short,
  possible: onSingle,
  happen,
}

/** No lease may run out for it: the store's clock does not leap (R3). */
export const redisFrozenLong: Fault = {
  name: 'Redis frozen (SIGSTOP) for longer than a lease',
  lastsMs: long,
  possible: onSingle,
  happen,
}
