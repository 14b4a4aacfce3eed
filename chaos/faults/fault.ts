import type { ChaosNode } from '../node.js'
import type { Effect, Terms } from '../records.js'
import type { SingleRedis } from '../redis-side.js'
import type { Stage } from '../stage.js'

/** Something that goes wrong. */
export interface Fault {
  /** How the report calls it. */
  readonly name: string
  /** How long it lasts, in milliseconds; `roll` is at least 0 and below 1. */
  readonly lastsMs: (terms: Terms, roll: number) => number
  /** Brings it about, undoes it, and resolves when all that is needed to go on is there again. */
  readonly happen: (stage: Stage, plan: FaultPlan) => Promise<void>
  /** Whether it can be done here at all; where absent, it can. */
  readonly possible?: (stage: Stage) => boolean
}

/** What the seed has drawn for one time. */
export interface FaultPlan {
  readonly fault: Fault
  /** The calm before it. */
  readonly gapMs: number
  readonly lastsMs: number
  /** Whom it meets, where it meets one node. */
  readonly node: number
  /** A further choice of the fault itself, at least 0 and below 1. */
  readonly roll: number
}

export function nodeOf(stage: Stage, { node }: FaultPlan): ChaosNode {
  const met = stage.nodes[node % stage.nodes.length]
  if (!met) throw new Error('a run needs a node at least')
  return met
}

/** What needs a single Redis, or the way to it. */
export const onSingle: NonNullable<Fault['possible']> = ({ redis }) => redis.single !== undefined

export function singleOf({ redis: { single } }: Stage): SingleRedis {
  if (!single) throw new Error('this fault is for a single Redis')
  return single
}

/** Something that is done to one node, lasts, and is undone. */
export function toOneNode(
  effect: Effect,
  bring: (node: ChaosNode) => unknown,
  undo: (node: ChaosNode, plan: FaultPlan) => unknown,
): Fault['happen'] {
  return (stage, plan) => {
    const node = nodeOf(stage, plan)
    return stage.during(
      effect,
      node,
      plan.lastsMs,
      () => bring(node),
      () => undo(node, plan),
    )
  }
}

/** Well below the time after which a node no longer trusts its lease. */
export const short: Fault['lastsMs'] = ({ ttlMs }, roll) => 500 + roll * (ttlMs / 2)

/** Long enough that others may take the slots of a node that is away. */
export const long: Fault['lastsMs'] = ({ ttlMs, renewIntervalMs }, roll) => ttlMs + (1 + roll) * renewIntervalMs
