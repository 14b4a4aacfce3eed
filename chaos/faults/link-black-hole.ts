import { type Fault, long, onSingle, short, toOneNode } from './fault.js'

/** Nothing arrives and nothing is said about it. When it ends, what was under way arrives late, or never. */
const happen = toOneNode(
  'cut-off',
  ({ link }) => {
    link.hold()
    link.holdReplies()
  },
  ({ link }, { roll }) => {
    if (roll < 0.5) link.cutAll()
    link.releaseReplies()
    link.release()
  },
)

export const linkBlackHole: Fault = {
  name: 'node cut off from Redis (black hole) for less than its lease',
  lastsMs: short,
  possible: onSingle,
  happen,
}

/** The others may take its slots; its connections stay open (R5). */
export const linkBlackHoleLong: Fault = {
  name: 'node cut off from Redis (black hole) for longer than its lease',
  lastsMs: long,
  possible: onSingle,
  happen,
}
