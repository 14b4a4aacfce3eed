import { type Away, awayFor } from './buckets-away.js'
import type { NodeRow, Note, Org, Source } from './source.js'

/** What a source tells of the whole cluster, as far as it is to be had. */
export interface Whole {
  readonly nodes: NodeRow[]
  readonly orgs: Org[]
  /** The newest first; absent where the bucket that keeps them is away. */
  readonly notes?: readonly Note[]
  readonly away: Away
}

/** All at the same time: where buckets are away, whoever asks one thing after the other waits for them as often. */
export async function wholeOf(source: Source, mostNotes: number): Promise<Whole> {
  const asked = [source.nodes(), source.orgs(), source.refusals({ limit: mostNotes })] as const
  const [, , noted] = await Promise.allSettled(asked)
  const [{ nodes, ...uncounted }, { orgs, ...unlisted }] = await Promise.all([asked[0], asked[1]])
  const away = awayFor(uncounted, unlisted)
  if (noted.status === 'fulfilled') return { nodes, orgs, notes: noted.value.refusals, away }
  if (!away.bucketsAway) throw noted.reason
  return { nodes, orgs, away }
}
