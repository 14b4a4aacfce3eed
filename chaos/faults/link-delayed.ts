import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, nodeOf, onSingle, short, toOneNode } from './fault.js'

/** There and back takes a fifth of a call's deadline: slower, and nothing else. */
export const linkDelayed: Fault = {
  name: 'node–Redis network slow (a fifth of C)',
  lastsMs: short,
  possible: onSingle,
  async happen(stage, plan) {
    const { link } = nodeOf(stage, plan)
    link.delay(stage.terms.callTimeoutMs / 10)
    await sleep(plan.lastsMs)
    link.delay(0)
  },
}

/** There and back takes twice the deadline: as good as away, but everything asked is done, late (S3, S4). */
export const linkTooSlow: Fault = {
  name: 'node–Redis network too slow (twice C)',
  lastsMs: short,
  possible: onSingle,
  happen: (stage, plan) =>
    toOneNode(
      'cut-off',
      ({ link }) => link.delay(stage.terms.callTimeoutMs),
      ({ link }) => link.delay(0),
    )(stage, plan),
}
