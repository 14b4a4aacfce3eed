import type { Figure, Finding, Verdict } from './findings.js'
import type { Attempt } from './history.js'
import type { Surroundings } from './surroundings.js'

/**
 * S7, R5: a node that is to close what it holds once it does not trust its lease has closed it at the end of D, or when it
 * runs again: until then alone it may answer a ping.
 */
export function trust(attempts: readonly Attempt[], surroundings: Surroundings): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  if (!surroundings.closes) return { findings, figures }
  for (const { number, org, node, openedMs, provenMs = 0 } of attempts) {
    if (openedMs === undefined) continue
    const around = surroundings.of(org)
    for (const { beginMs, endMs } of around.during(['cut-off', 'store-away'], node, openedMs, provenMs)) {
      if (openedMs > beginMs) continue
      const lapsedMs = beginMs + around.trustMs
      const frozen = around.during(['paused'], node, lapsedMs, lapsedMs)
      const dueMs = Math.max(lapsedMs, ...frozen.map((pause) => pause.endMs))
      if (endMs < dueMs) continue
      const [seen, allowed] = [Math.max(0, provenMs - dueMs), around.slackMs(dueMs)]
      const fault = around.faultAt(beginMs)
      figures.push({ promise: 'S7', what: 'open with a lease out of trust', fault, seen, allowed, unit: 'ms' })
      if (seen <= allowed) continue
      const what = `#${number} of ${org} at node ${node} was there ${Math.round(seen)} ms after the end of D`
      findings.push({ promise: 'S7', t: dueMs, what })
    }
  }
  return { findings, figures }
}
