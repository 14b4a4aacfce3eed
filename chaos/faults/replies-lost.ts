import { type Fault, onSingle, short, toOneNode } from './fault.js'

/** Redis does what the node asks, and the node is never told (S4). */
export const repliesLost: Fault = {
  name: "Redis's replies to a node lost (requests arrive)",
  lastsMs: short,
  possible: onSingle,
  happen: toOneNode(
    'cut-off',
    ({ link }) => link.holdReplies(),
    ({ link }) => {
      link.cutAll()
      link.releaseReplies()
    },
  ),
}
