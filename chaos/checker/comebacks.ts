import type { Effect } from '../records.js'
import type { Figure, Finding, Verdict } from './findings.js'
import type { Attempt } from './history.js'
import { type Holder, overMs } from './holders.js'
import type { Scope } from './scopes.js'
import type { Surroundings } from './surroundings.js'

/** While one of these lasts, or was just over, a node may not ask its peers in time, or not hear that it should. */
const DISTURBED: readonly Effect[] = ['store-away', 'store-lost', 'cut-off', 'paused', 'clients-cut', 'draining']
/** Who was asked within this time before, by the same instance, is not asked again. */
const ASKED_LATELY_MS = 3_500
/** Of a hundred so many may be refused for their own: on a busy machine the waiting may be too short. */
const REFUSED_PERCENT = 2

/**
 * L3: who names its instance and comes back is not refused for a connection of it that is gone, whichever limit is full:
 * the old one is asked while the new one waits. It may be refused for others, who may have been there before it. That
 * slots come free in time for everybody is looked at where slots are counted.
 */
export function comebacks(scopes: readonly Scope[]): Verdict {
  const findings: Finding[] = []
  let cameBack = 0
  for (const { name, around, attempts, holders, full, limits } of scopes) {
    for (const asking of attempts) {
      const { number, instance, refusal, openedMs, askedMs, refusedMs = Number.POSITIVE_INFINITY } = asking
      if (instance === undefined || (openedMs === undefined && refusal?.code !== full)) continue
      const old = holders.filter((holder) => isGone(holder, asking, around))
      if (old.length === 0 || wasAskedLately(asking, attempts)) continue
      cameBack++
      if (openedMs !== undefined) continue
      const others = holders.filter((holder) => !old.includes(holder) && mayHold(holder, asking, around))
      const limit = Math.min(...limits(askedMs, refusedMs))
      if (others.length >= limit) continue
      const what = `#${number} of ${name} was refused with ${others.length} of ${limit} others, for its own #${old[0]!.attempt.number}`
      findings.push({ promise: 'L3', t: refusedMs, what })
    }
  }
  const allowed = Math.floor((cameBack * REFUSED_PERCENT) / 100)
  const share = (count: number) => (100 * count) / Math.max(1, cameBack)
  const figure: Figure = {
    promise: 'L3',
    what: 'instances refused for their own',
    fault: 'all faults over',
    unit: '%',
    seen: share(findings.length),
    allowed: share(allowed),
  }
  return { findings: findings.length > allowed ? findings : [], figures: cameBack > 0 ? [figure] : [] }
}

/** It is of the same instance, had fallen silent before, and nothing kept its node from finding that out. */
function isGone({ attempt, endedMs }: Holder, asking: Attempt, around: Surroundings): boolean {
  const { node, askedMs, refusedMs = askedMs } = asking
  if (attempt.instance !== asking.instance || attempt.leave !== 'silence' || endedMs >= askedMs) return false
  const fromMs = askedMs - around.comebackMs - around.slackMs(askedMs) - 1_000
  const disturbed = (of: number) => around.during(DISTURBED, of, fromMs, refusedMs).length > 0
  const died = around.during(['killed', 'absent'], attempt.node, attempt.askedMs, refusedMs).length > 0
  return !disturbed(node) && !disturbed(attempt.node) && !died && !around.isRecovering(fromMs, refusedMs)
}

function wasAskedLately({ number, instance, askedMs }: Attempt, attempts: readonly Attempt[]): boolean {
  return attempts.some(
    (other) => other.instance === instance && other.number < number && other.askedMs > askedMs - ASKED_LATELY_MS,
  )
}

function mayHold({ attempt, deadline }: Holder, asking: Attempt, around: Surroundings): boolean {
  const { number, askedMs, refusedMs = askedMs } = asking
  return (
    attempt.number !== number && attempt.askedMs <= refusedMs && overMs(deadline) + around.slackMs(askedMs) >= askedMs
  )
}
