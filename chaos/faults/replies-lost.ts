import { type Fault, nodeOf, short } from './fault.js'

/** Redis does what the node asks, and the node is never told (S4). */
export const repliesLost: Fault = {
  name: "Redis's replies to a node lost (requests arrive)",
  lastsMs: short,
  happen(stage, plan) {
    const node = nodeOf(stage, plan)
    return stage.during(
      'cut-off',
      node,
      plan.lastsMs,
      () => node.link.holdReplies(),
      () => {
        node.link.cutAll()
        node.link.releaseReplies()
      },
    )
  },
}
