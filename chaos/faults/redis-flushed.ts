import type { Fault } from './fault.js'

/** Everything forgotten, by the same process (R1). */
export const redisFlushed: Fault = {
  name: 'Redis: FLUSHALL',
  lastsMs: () => 0,
  async happen(stage) {
    stage.begin('store-lost')
    await stage.command('FLUSHALL', 'SYNC')
  },
}
