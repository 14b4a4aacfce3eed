import type { Figure, Finding, Verdict } from './findings.js'
import type { Attempt } from './history.js'
import { type Deadline, eachOnce, type Holder, overMs } from './holders.js'
import type { Scope } from './scopes.js'
import type { Surroundings } from './surroundings.js'

const WHAT = {
  L1: 'a slot after its connection was gone',
  L2: 'a slot after its node was killed',
  L3: 'a slot after its client fell silent',
} as const

/**
 * L1, L2, L3 and S6: nobody was refused for slots that should have been free. Whoever was refused as too many is
 * explained by the connections that may have been open or in the making then, and by those that had ended so shortly
 * before that their slots may have been taken still. If it takes the latter, the youngest of them prove how long slots
 * stayed; if these do not suffice, a slot came back too late or not at all. Whoever shows a token is not refused for
 * the connection that is its own (L2).
 */
export function freeing(scopes: readonly Scope[]): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  for (const { name, around, attempts, holders, full, limits } of scopes) {
    let near: Holder[] = []
    let next = 0
    const refused = attempts.filter(({ refusal }) => refusal?.code === full)
    for (const asking of refused.sort((a, b) => a.askedMs - b.askedMs)) {
      const { number, resumes, refusal, askedMs, refusedMs = 0 } = asking
      while (next < holders.length && holders[next]!.attempt.askedMs <= refusedMs) near.push(holders[next++]!)
      near = near.filter(({ deadline }) => overMs(deadline) >= askedMs - 60_000)
      const possible = limits(askedMs, refusedMs)
      const limit = refusal?.limit
      if (limit === undefined || !possible.includes(limit)) {
        findings.push({ promise: 'S1', t: refusedMs, what: `#${number} of ${name}: ${limit} is not among ${possible}` })
        continue
      }
      const notItsOwn = near.filter(({ attempt }) => attempt.number !== resumes)
      const others = eachOnce(notItsOwn, around, askedMs)
      const living = others.filter(({ endedMs }) => endedMs >= askedMs).length
      if (living >= limit) continue
      const ended = others.filter(({ endedMs, attempt }) => endedMs < askedMs && attempt.askedMs <= refusedMs)
      const youngest = ended.sort((a, b) => restOf(b, askedMs) - restOf(a, askedMs)).slice(0, limit - living)
      for (const { deadline } of youngest) figures.push(figureOf(deadline, askedMs, around))
      const late = youngest.filter(({ deadline }) => overMs(deadline) + around.slackMs(askedMs) < askedMs)
      const missing = limit - living - youngest.length
      if (late.length === 0 && missing === 0) continue
      const after = late.map(({ attempt, deadline }) => `${describe(attempt, deadline, askedMs)}`).join('; ')
      const what = `#${number} of ${name} was refused with ${living} of ${limit} open: ${after || 'nobody held the rest'}`
      findings.push({ promise: late[0]?.deadline.promise ?? 'S6', t: refusedMs, what })
    }
  }
  return { findings, figures }
}

function describe({ number, node }: Attempt, { promise, anchorMs, allowedMs }: Deadline, askedMs: number): string {
  return `#${number} of node ${node} was due ${Math.round(askedMs - anchorMs - allowedMs)} ms before (${promise})`
}

function figureOf(deadline: Deadline, askedMs: number, around: Surroundings): Figure {
  const { promise, anchorMs, allowedMs } = deadline
  const seen = Math.max(0, askedMs - anchorMs)
  const fault = around.faultAt(anchorMs)
  return { promise, what: WHAT[promise], fault, seen, allowed: allowedMs + around.slackMs(askedMs), unit: 'ms' }
}

/** How much of its allowance is left, as a part of it: who has most is the likeliest to hold a slot still. */
function restOf({ deadline }: Holder, atMs: number): number {
  return (overMs(deadline) - atMs) / deadline.allowedMs
}
