import { afterEach, beforeEach, expect } from 'vitest'
import type { NodeEvents } from '../../src/core/events.js'
import { LimiterNode } from '../../src/node/limiter-node.js'
import type { LimiterNodeOptions } from '../../src/node/node-options.js'
import { SHORT } from './cluster.js'
import { ManualClock } from './manual-clock.js'
import { steeredStore, turns } from './steered-node.js'
import type { SteeredStore } from './steered-store.js'

/** What a test of whole nodes has in its hand. */
export interface NodeStage {
  readonly clock: ManualClock
  /** A test may put another one here before it starts a node. */
  store: SteeredStore
  readonly nodes: LimiterNode[]
  /** What the nodes have told of the stage's events, since the beginning or since the test emptied it. */
  told: [keyof NodeEvents, unknown][]
  /** A node at the stage's store, whose renewals come every interval exactly; what was ready to go on has done so. */
  start(options?: Partial<LimiterNodeOptions>): Promise<LimiterNode>
}

/**
 * A stage that is set anew for each test of the file which calls this at its top. After the test all that was held up
 * is given up, the nodes are gone, and none may have left a timer.
 */
export function nodeStage({
  events,
  connectionsPerOrg = 5,
}: {
  readonly events: readonly (keyof NodeEvents)[]
  readonly connectionsPerOrg?: number
}): NodeStage {
  const stage: NodeStage = {
    ...anew(),
    async start(options = {}) {
      const { clock, store, nodes } = stage
      const node = new LimiterNode({
        ...{ store, timing: SHORT, clock, random: () => 0.5, connectionsPerOrg, name: 'n' },
        ...options,
      })
      for (const event of events) node.events.on(event, (payload) => stage.told.push([event, payload]))
      nodes.push(node)
      node.start()
      await turns()
      return node
    },
  }
  beforeEach(() => {
    Object.assign(stage, anew())
  })
  afterEach(async () => {
    const { clock, store, nodes } = stage
    store.letAllThrough()
    for (const call of [...store.calls]) call.giveUp()
    await Promise.all(nodes.map((node) => node.abandon()))
    expect(clock.pending).toBe(0)
  })
  return stage
}

function anew(): Omit<NodeStage, 'start'> {
  const clock = new ManualClock()
  return { clock, store: steeredStore(clock), nodes: [], told: [] }
}
