import type { ChaosNode } from '../node.js'
import type { Stage } from '../stage.js'
import { type Fault, nodeOf } from './fault.js'

/** SIGTERM, and a successor (L4). */
export const nodeStopped: Fault = {
  name: 'node stopped (SIGTERM), started again',
  lastsMs: () => 3_000,
  happen: (stage, plan) => replace(stage, nodeOf(stage, plan)),
}

/** The same for every node in turn, as a deployment does it. */
export const rollingRestart: Fault = {
  name: 'rolling restart of all nodes',
  lastsMs: () => 12_000,
  async happen(stage) {
    for (const node of stage.nodes) await replace(stage, node)
  },
}

async function replace(stage: Stage, node: ChaosNode): Promise<void> {
  stage.begin('draining', node)
  await node.drain()
  stage.end('draining', node)
  stage.begin('absent', node)
  await node.start()
  stage.end('absent', node)
}
