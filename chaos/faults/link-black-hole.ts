import type { TcpProxy } from '../../test/support/tcp-proxy.js'
import { type Fault, long, nodeOf, short } from './fault.js'

/** Nothing arrives and nothing is said about it. When it ends, what was under way arrives late, or never. */
const happen: Fault['happen'] = (stage, plan) => {
  const node = nodeOf(stage, plan)
  return stage.during(
    'cut-off',
    node,
    plan.lastsMs,
    () => swallow(node.link),
    () => {
      if (plan.roll < 0.5) node.link.cutAll()
      node.link.releaseReplies()
      node.link.release()
    },
  )
}

function swallow(link: TcpProxy): void {
  link.hold()
  link.holdReplies()
}

export const linkBlackHole: Fault = {
  name: 'node cut off from Redis (black hole) for less than its lease',
  lastsMs: short,
  happen,
}

/** The others may take its slots; its connections stay open (R5). */
export const linkBlackHoleLong: Fault = {
  name: 'node cut off from Redis (black hole) for longer than its lease',
  lastsMs: long,
  happen,
}
