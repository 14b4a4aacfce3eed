import type { AwayAnswer } from '../../admin/answers.js'
import type { Page } from '../terminal/page.js'

/** Which buckets of a Redis Cluster were away, and so are not in an answer; nothing where all have answered. */
export type Away = AwayAnswer

/** What was away for any of them. */
export function awayFor(...answers: readonly Away[]): Away {
  const bucketsAway = [...new Set(answers.flatMap((each) => each.bucketsAway ?? []))].sort((one, other) => one - other)
  const buckets = Math.max(0, ...answers.map((each) => each.buckets ?? 0))
  return bucketsAway.length === 0 ? {} : { bucketsAway, buckets }
}

/** A line that says how many are away and what of an answer is missing; none where none are. */
export function awayLines(away: Away, page: Page, missing: string): string[] {
  return away.bucketsAway ? [page.paint('yellow', `${awayWords(away)}: ${missing}`)] : []
}

export function awayWords({ bucketsAway = [], buckets }: Away): string {
  return `${bucketsAway.length} of ${buckets} buckets away`
}
