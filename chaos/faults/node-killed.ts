import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, nodeOf } from './fault.js'

/** kill -9, and a successor of the same name after a while (L2). */
export const nodeKilled: Fault = {
  name: 'node killed (kill -9), started again',
  lastsMs: (_terms, roll) => roll * 5_000,
  async happen(stage, plan) {
    const node = nodeOf(stage, plan)
    stage.begin('killed', node)
    await node.kill()
    await sleep(plan.lastsMs)
    await node.start()
    stage.end('killed', node)
  },
}
