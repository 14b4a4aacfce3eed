import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.js'

/** Nobody may notice (S4). */
export const scriptsFlushed: Fault = {
  name: 'Redis: SCRIPT FLUSH, ten times a second',
  lastsMs: () => 3_000,
  async happen(stage, { lastsMs }) {
    for (let doneMs = 0; doneMs < lastsMs; doneMs += 100) {
      await stage.command('SCRIPT', 'FLUSH', 'SYNC')
      await sleep(100)
    }
  },
}
