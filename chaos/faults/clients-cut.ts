import { type Fault, nodeOf } from './fault.js'

/** Nothing passes between a node and its clients, while the node still reaches Redis. */
const happen: Fault['happen'] = (stage, plan) => {
  const node = nodeOf(stage, plan)
  return stage.during(
    'clients-cut',
    node,
    plan.lastsMs,
    () => {
      node.door.hold()
      node.door.holdReplies()
    },
    () => {
      if (plan.roll < 0.5) node.door.cutAll()
      node.door.releaseReplies()
      node.door.release()
    },
  )
}

export const clientsCut: Fault = {
  name: 'node cut off from its clients, for a while',
  lastsMs: ({ pongTimeoutMs }, roll) => 1_000 + (roll * pongTimeoutMs) / 4,
  happen,
}

/** Long enough that the node lets them go (L3). */
export const clientsCutLong: Fault = {
  name: 'node cut off from its clients for longer than the pong timeout',
  lastsMs: ({ pongTimeoutMs }) => pongTimeoutMs + 5_000,
  happen,
}
