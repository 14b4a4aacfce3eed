import type { Figure, Finding, Verdict } from './findings.js'
import { type Attempt, certainlyOpenUntilMs, groupBy } from './history.js'
import type { Scope } from './scopes.js'
import type { Surroundings } from './surroundings.js'

/** A time in which one connection counts. */
interface Stretch {
  readonly attempt: Attempt
  readonly fromMs: number
  readonly untilMs: number
  /** Whether it begins because the connection was opened, and not because an exemption ended. */
  readonly opening: boolean
}

/**
 * S1: at no instant were more connections of an org, or of an instance, certainly open than a limit then in force. Not
 * counted are those of nodes of which the store may not know (R5), and for good those that such a node brought into a
 * store that had lost its memory meanwhile (R1). After a limit was lowered nobody has to go: so it is looked at each opening, which must find
 * room, and at the end of each exemption, by which what is too many must have gone. Nodes that close what they hold once
 * they do not trust their lease have no such excuse but while they do not run.
 */
export function exactness(scopes: readonly Scope[]): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  for (const scope of scopes) {
    const { name, around, attempts, limits } = scope
    const stretches = attempts.flatMap((attempt) => stretchesOf(attempt, around))
    for (const { t, open, last } of openings(stretches)) {
      const fromMs = last.opening ? last.attempt.askedMs : Math.min(...[...open].map(({ attempt }) => attempt.askedMs))
      const limit = Math.max(...limits(fromMs, t))
      const fault = around.faultAt(t)
      figures.push({
        promise: 'S1',
        what: 'open beyond the limit',
        fault,
        unit: 'connections',
        seen: Math.max(0, open.size - limit),
        allowed: 0,
      })
      if (open.size <= limit) continue
      const numbers = [...open].map(({ attempt }) => `#${attempt.number} at node ${attempt.node}`).join(', ')
      findings.push({ promise: 'S1', t, what: `${name} holds ${open.size} of ${limit}: ${numbers}` })
    }
    figures.push(...excesses(scope, stretches))
  }
  return { findings, figures }
}

/** R5: by how much an org was beyond its limit with those that are not counted, which are the most that it may be. */
function excesses({ attempts, limits, around }: Scope, counted: readonly Stretch[]): Figure[] {
  const countedOf = groupBy(counted, ({ attempt }) => attempt)
  const whole = attempts.flatMap((attempt): Stretch[] => {
    const { openedMs: fromMs = Number.POSITIVE_INFINITY } = attempt
    const untilMs = certainlyOpenUntilMs(attempt)
    return untilMs > fromMs ? [{ attempt, fromMs, untilMs, opening: true }] : []
  })
  const figures: Figure[] = []
  for (const { t, open, last } of openings(whole)) {
    const aside = [...open].filter(
      ({ attempt }) => !countedOf.get(attempt)?.some(({ fromMs, untilMs }) => fromMs <= t && t <= untilMs),
    )
    const seen = open.size - Math.max(...limits(last.attempt.askedMs, t))
    if (aside.length === 0 || seen <= 0) continue
    figures.push({
      promise: 'R5',
      what: 'open beyond the limit, with nodes cut off',
      fault: around.faultAt(t),
      seen,
      allowed: aside.length,
      unit: 'connections',
    })
  }
  return figures
}

/** Each moment at which one more counts, with all that count then. */
function* openings(stretches: readonly Stretch[]): Generator<{ t: number; open: Set<Stretch>; last: Stretch }> {
  const steps = stretches.flatMap((stretch) => [
    { t: stretch.fromMs, stretch, opens: true },
    { t: stretch.untilMs, stretch, opens: false },
  ])
  // At one moment those that end go first.
  steps.sort((a, b) => a.t - b.t || Number(a.opens) - Number(b.opens))
  const open = new Set<Stretch>()
  for (const { t, stretch, opens } of steps) {
    if (!opens) {
      open.delete(stretch)
    } else {
      open.add(stretch)
      yield { t, open, last: stretch }
    }
  }
}

function stretchesOf(attempt: Attempt, around: Surroundings): Stretch[] {
  if (attempt.openedMs === undefined) return []
  let fromMs = attempt.openedMs
  const untilMs = certainlyOpenUntilMs(attempt)
  const stretches: Stretch[] = []
  for (const untold of around.untoldOf(attempt.node)) {
    if (untold.untilMs <= fromMs || untold.fromMs >= untilMs) continue
    if (untold.fromMs > fromMs) {
      stretches.push({ attempt, fromMs, untilMs: untold.fromMs, opening: fromMs === attempt.openedMs })
    }
    fromMs = untold.untilMs
    // Kept whatever the limits say.
    if (untold.forGood) return stretches
  }
  if (untilMs > fromMs) stretches.push({ attempt, fromMs, untilMs, opening: fromMs === attempt.openedMs })
  return stretches
}
