import type { StatsAnswer } from '../../admin/answers.js'

/** The buckets in which a node can decide no admissions now. One of an older version says only whether it is well. */
export function lostBy({ storeReachable, bucketsAway, buckets }: StatsAnswer['node']): readonly number[] | 'all' {
  if (storeReachable) return []
  return bucketsAway === undefined || bucketsAway.length === buckets ? 'all' : bucketsAway
}
