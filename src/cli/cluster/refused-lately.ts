import type { StatsAnswer } from '../../admin/answers.js'
import { systemClock } from '../../core/clock.js'
import type { Note } from './source.js'

/** What keeps newcomers out whatever they hold: a node that refuses for these may well be ready and renew its lease. */
const CODES = ['STORE_UNAVAILABLE', 'NODE_CAPACITY_EXCEEDED', 'IDENTITY_UNAVAILABLE'] as const
const LATELY_MS = 60_000

/** How many newcomers a node has refused for such a reason within the last minute; of very many at least so many. */
export interface RefusedLately {
  readonly code: (typeof CODES)[number]
  readonly node: string
  readonly count: number
}

/**
 * By the notes of the cluster, and by what the node that was asked says of itself: a node that is refused by its store
 * may have nowhere to note it, and of very many it notes some.
 */
export function refusedLately(notes: readonly Note[], asked: StatsAnswer['node'] | undefined): RefusedLately[] {
  const sinceMs = systemClock.wallMs() - LATELY_MS
  return CODES.flatMap((code): RefusedLately[] => {
    const counts = new Map<string, number>()
    for (const { code: noted, at, node } of notes) {
      if (noted === code && Date.parse(at) >= sinceMs) counts.set(node, (counts.get(node) ?? 0) + 1)
    }
    // Nodes of older versions do not say it.
    const own = asked?.refusedLately?.[code] ?? 0
    // What it has noted for the cluster is told twice.
    if (asked && own > 0) counts.set(asked.name, Math.max(own, counts.get(asked.name) ?? 0))
    return [...counts].map(([node, count]) => ({ code, node, count }))
  })
}
