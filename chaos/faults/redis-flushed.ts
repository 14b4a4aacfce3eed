import type { Fault } from './fault.js'

/** Everything forgotten, by the same process (R1). */
export const redisFlushed: Fault = {
  name: 'Redis: FLUSHALL',
  lastsMs: () => 0,
  possible: ({ redis }) => redis.cluster === undefined,
  async happen(stage) {
    // To find out whom to ask takes a while, in which it is not lost yet.
    await stage.connected(async (redis) => {
      stage.begin('store-lost')
      await redis.flushall('SYNC')
    })
  },
}
