import { OF_ITS_OWN } from '../records.js'
import type { Figure, Finding, Verdict } from './findings.js'
import { ANSWER_MS, type Attempt, FULL, groupBy, mayHaveHadSlot, TAKEN_OVER } from './history.js'
import type { Limits } from './limits.js'
import type { Surroundings } from './surroundings.js'

/** Until when a slot may be taken at the latest, and by which promise: `allowedMs` after `anchorMs`. */
interface Deadline {
  readonly promise: 'L1' | 'L2' | 'L3'
  readonly anchorMs: number
  readonly allowedMs: number
}

interface Holder {
  readonly attempt: Attempt
  readonly endedMs: number
  readonly deadline: Deadline
}

const WHAT = {
  L1: 'a slot after its connection was gone',
  L2: 'a slot after its node was killed',
  L3: 'a slot after its client fell silent',
} as const

/** Of the pong timeout, for who came back with a token and never heard that it was let in. */
const UNHEARD_SHARE = 1 / 4

/**
 * L1, L2, L3 and S6: nobody was refused for slots that should have been free. Whoever was refused as too many is
 * explained by the connections that may have been open or in the making then, and by those that had ended so shortly
 * before that their slots may have been taken still. If it takes the latter, the youngest of them prove how long slots
 * stayed; if these do not suffice, a slot came back too late or not at all. Whoever shows a token is not refused for
 * the connection that is its own (L2).
 */
export function freeing(attempts: readonly Attempt[], limits: Limits, surroundings: Surroundings): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  for (const [org, own] of groupBy(attempts, ({ org }) => org)) {
    const around = surroundings.of(org)
    const holders = own.flatMap((attempt) => holderOf(attempt, around))
    let near: Holder[] = []
    let next = 0
    const refused = own.filter(({ refusal }) => refusal?.code === FULL)
    for (const asking of refused.sort((a, b) => a.askedMs - b.askedMs)) {
      const { number, resumes, refusal, askedMs, refusedMs = 0 } = asking
      while (next < holders.length && holders[next]!.attempt.askedMs <= refusedMs) near.push(holders[next++]!)
      near = near.filter(({ deadline }) => overMs(deadline) >= askedMs - 60_000)
      const possible = limits.between(org, askedMs, refusedMs)
      const limit = refusal?.limit
      if (limit === undefined || !possible.includes(limit)) {
        findings.push({ promise: 'S1', t: refusedMs, what: `#${number} of ${org}: ${limit} is not among ${possible}` })
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
      const what = `#${number} of ${org} was refused with ${living} of ${limit} open: ${after || 'nobody held the rest'}`
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

function overMs({ anchorMs, allowedMs }: Deadline): number {
  return anchorMs + allowedMs
}

/** How much of its allowance is left, as a part of it: who has most is the likeliest to hold a slot still. */
function restOf({ deadline }: Holder, atMs: number): number {
  return (overMs(deadline) - atMs) / deadline.allowedMs
}

/** An attempt that had a slot, or may have had one without its client being told. */
function holderOf(attempt: Attempt, around: Surroundings): Holder[] {
  const { askedMs, refusedMs, failedMs, openedMs, closedMs, leavingMs, leave } = attempt
  if (!mayHaveHadSlot(attempt)) return []
  const goneMs = leave === 'close' || leavingMs === undefined ? closedMs : leavingMs
  const endedMs = openedMs === undefined ? (refusedMs ?? failedMs) : goneMs
  const handedOnMs = handedOn(attempt, around)
  if (handedOnMs !== undefined && handedOnMs < (endedMs ?? Number.POSITIVE_INFINITY)) {
    return [{ attempt, endedMs: handedOnMs, deadline: deadlineOf(attempt, handedOnMs, around) }]
  }
  if (endedMs === undefined) {
    const never = { promise: 'L1', anchorMs: Number.POSITIVE_INFINITY, allowedMs: 1 } as const
    return [{ attempt, endedMs: Number.POSITIVE_INFINITY, deadline: never }]
  }
  // Whoever hears nothing may give up before it is let in.
  const silentMs = isUnheard(attempt) ? Math.max(endedMs, askedMs + ANSWER_MS) : endedMs
  return [{ attempt, endedMs, deadline: deadlineOf(attempt, silentMs, around, leave === 'silence') }]
}

/**
 * One connection and its heir hold one slot: without the old one if it was closed for one of those that had asked by then, else
 * without the one of the two that must be rid of it sooner.
 */
function eachOnce(holders: readonly Holder[], around: Surroundings, atMs: number): Holder[] {
  const byNumber = new Map(holders.map((holder) => [holder.attempt.number, holder]))
  const spare = new Set(
    holders.flatMap((old) => {
      const { heirs = [], node, closeCode, closedMs = 0 } = old.attempt
      const its = heirs.flatMap(({ number }) => byNumber.get(number) ?? [])[0]
      if (!its || mayBeForgotten(node, its.attempt.askedMs, around)) return []
      const closedFor = heirs.findLast(({ askedMs }) => askedMs <= closedMs)?.askedMs ?? atMs
      if (closeCode === TAKEN_OVER && closedFor <= atMs) return old
      return overMs(its.deadline) > overMs(old.deadline) ? old : its
    }),
  )
  return holders.filter((holder) => !spare.has(holder))
}

/** It came back, and the answer was lost: it is asked at once whether it is there. */
function isUnheard({ resumes, failure }: Attempt): boolean {
  return resumes !== undefined && failure === OF_ITS_OWN.lost
}

/** When another of its client certainly had its slot. */
function handedOn({ node, takenOverMs }: Attempt, around: Surroundings): number | undefined {
  return takenOverMs === undefined || mayBeForgotten(node, takenOverMs, around) ? undefined : takenOverMs
}

/** A store that loses its memory before the old one's node has heard of a takeover may be told of the old one again. */
function mayBeForgotten(node: number, takenOverMs: number, around: Surroundings): boolean {
  const heardMs = takenOverMs + ANSWER_MS + around.comebackMs
  const unheard = around.during(['store-away', 'cut-off', 'paused'], node, takenOverMs, heardMs)
  const untilMs = Math.max(heardMs, ...unheard.map(({ endMs }) => endMs + around.comebackMs))
  return around.during(['store-lost'], undefined, takenOverMs - around.comebackMs, untilMs).length > 0
}

function deadlineOf(attempt: Attempt, endedMs: number, around: Surroundings, silent = false): Deadline {
  const { node, askedMs } = attempt
  const { callTimeoutMs } = around.terms
  const pongTimeoutMs = around.terms.pongTimeoutMs * (isUnheard(attempt) ? UNHEARD_SHARE : 1)
  const l1 = (anchorMs: number): Deadline => ({ promise: 'L1', anchorMs, allowedMs: callTimeoutMs })
  const l3 = (anchorMs: number): Deadline => ({ promise: 'L3', anchorMs, allowedMs: pongTimeoutMs + callTimeoutMs })
  let deadline = silent ? l3(endedMs) : l1(endedMs)
  const later = (other: Deadline) => {
    if (overMs(other) > overMs(deadline)) deadline = other
  }
  // Windows come in the order of their beginnings, so one look at each is enough.
  for (const window of around.windows.filter((w) => w.node === undefined || w.node === node)) {
    const { effect, beginMs, endMs } = window
    if (beginMs > overMs(deadline) + around.slackMs(beginMs) || endMs + around.comebackMs < endedMs) continue
    if (effect === 'killed' && askedMs <= beginMs) {
      later({ promise: 'L2', anchorMs: beginMs, allowedMs: around.deathMs })
    } else if (effect === 'clients-cut') {
      // The node hears no farewell: it counts the silence, or hears of it when the network is back.
      later(l3(beginMs))
      later(isUnheard(attempt) ? { ...deadline, anchorMs: endMs } : l1(endMs))
    } else if (effect === 'store-lost') {
      later({ ...deadline, anchorMs: endMs, allowedMs: around.recoveredMs(window) - endMs })
    } else if (effect === 'store-away' || effect === 'cut-off' || effect === 'paused') {
      later({ ...deadline, anchorMs: endMs, allowedMs: Math.max(deadline.allowedMs, around.comebackMs) })
    }
  }
  return deadline
}
