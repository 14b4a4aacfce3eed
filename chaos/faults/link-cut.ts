import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, nodeOf, onSingle } from './fault.js'

/** The connection between a node and Redis is reset, in the middle of whatever was said, a few times. */
export const linkCut: Fault = {
  name: 'node–Redis connection reset, again and again',
  lastsMs: () => 3_000,
  possible: onSingle,
  async happen(stage, plan) {
    const node = nodeOf(stage, plan)
    stage.begin('cut-off', node)
    for (let doneMs = 0; doneMs < plan.lastsMs; doneMs += 300) {
      node.link.cutAll()
      await sleep(300)
    }
    stage.end('cut-off', node)
  },
}
