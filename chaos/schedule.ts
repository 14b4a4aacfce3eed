import { setTimeout as sleep } from 'node:timers/promises'
import { Dice } from './dice.js'
import type { Fault, FaultPlan } from './faults/fault.js'
import type { Terms } from './records.js'
import type { Stage } from './stage.js'

export interface ScheduleOptions {
  readonly seed: number
  readonly faults: readonly Fault[]
  readonly nodes: number
  readonly terms: Terms
}

/**
 * Which fault comes when, without end. The faults are dealt like cards: each comes once before any comes again, so that
 * a run of some minutes has seen all of them. The same seed draws the same.
 */
export function* schedule({ seed, faults, nodes, terms }: ScheduleOptions): Generator<FaultPlan, never> {
  const dice = new Dice(seed)
  for (;;) {
    for (const fault of dice.shuffled(faults)) {
      const lastsMs = fault.lastsMs(terms, dice.roll())
      yield { fault, gapMs: dice.between(1_000, 8_000), lastsMs, node: dice.whole(0, nodes - 1), roll: dice.roll() }
    }
  }
}

/** Plays the schedule until `untilMs` of the log's clock; starts nothing that would last longer. */
export async function play(stage: Stage, plans: Iterable<FaultPlan>, untilMs: number): Promise<void> {
  for (const plan of plans) {
    const leftMs = untilMs - stage.log.nowMs()
    if (plan.gapMs > leftMs) return
    if (plan.gapMs + plan.lastsMs > leftMs) continue
    await sleep(plan.gapMs)
    stage.log.write({ is: 'fault', name: plan.fault.name, phase: 'begin' })
    await plan.fault.happen(stage, plan)
    stage.log.write({ is: 'fault', name: plan.fault.name, phase: 'end' })
  }
}
