import { OF_ITS_OWN } from '../records.js'
import { ANSWER_MS, type Attempt, mayHaveHadSlot, TAKEN_OVER } from './history.js'
import type { Surroundings } from './surroundings.js'

/** Until when a slot may be taken at the latest, and by which promise: `allowedMs` after `anchorMs`. */
export interface Deadline {
  readonly promise: 'L1' | 'L2' | 'L3'
  readonly anchorMs: number
  readonly allowedMs: number
}

export interface Holder {
  readonly attempt: Attempt
  readonly endedMs: number
  readonly deadline: Deadline
}

/** Of the pong timeout, for who came back with a token and never heard that it was let in. */
const UNHEARD_SHARE = 1 / 4

export function overMs({ anchorMs, allowedMs }: Deadline): number {
  return anchorMs + allowedMs
}

/** An attempt that had a slot, or may have had one without its client being told. */
export function holderOf(attempt: Attempt, around: Surroundings): Holder[] {
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
export function eachOnce(holders: readonly Holder[], around: Surroundings, atMs: number): Holder[] {
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
