import { type Fault, toOneNode } from './fault.js'

/** Nothing passes between a node and its clients, while the node still reaches Redis. */
const happen = toOneNode(
  'clients-cut',
  ({ door }) => {
    door.hold()
    door.holdReplies()
  },
  ({ door }, { roll }) => {
    if (roll < 0.5) door.cutAll()
    door.releaseReplies()
    door.release()
  },
)

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
