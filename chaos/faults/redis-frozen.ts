import { type Fault, long, short } from './fault.js'

const happen: Fault['happen'] = (stage, plan) =>
  stage.during(
    'store-away',
    undefined,
    plan.lastsMs,
    () => stage.redis.pause(),
    () => stage.redis.resume(),
  )

export const redisFrozen: Fault = { name: 'Redis frozen (SIGSTOP) for less than a lease', lastsMs: short, happen }

/** No lease may run out for it: the store's clock does not leap (R3). */
export const redisFrozenLong: Fault = { name: 'Redis frozen (SIGSTOP) for longer than a lease', lastsMs: long, happen }
