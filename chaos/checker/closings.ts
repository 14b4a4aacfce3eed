import type { Figure, Finding, Verdict } from './findings.js'
import { type Attempt, TAKEN_OVER } from './history.js'
import type { Surroundings } from './surroundings.js'

const WENT_AWAY = 1012
const STORE_AWAY = 1013
const LEASE_LOST = 4408
const BROKE_OFF = 1006
/** A connection that ends is noticed by its client a little later. */
const NOTICED_MS = 1_000

/**
 * R1, R2, R3: nobody's connection is closed but for one of the reasons there are: its client, the end of its node's
 * process, an orderly stop (1012), a lease that the node had really lost (4408) or, where it closes for that, did not trust
 * (1013), a client that came back with its token (4410), or clients that the node could not hear.
 */
export function closings(attempts: readonly Attempt[], around: Surroundings): Verdict {
  const findings: Finding[] = []
  const wronged = new Map<string, number>()
  for (const [fault] of around.faultCounts) wronged.set(fault, 0)
  for (const attempt of attempts) {
    const { openedMs, closedMs, leavingMs, closeCode, node, deaf, heirs } = attempt
    // Who reads nothing learns of the end at some time, and not of the reason.
    if (openedMs === undefined || closedMs === undefined || leavingMs !== undefined || deaf) continue
    const fault = around.faultAt(closedMs)
    if (closeCode === TAKEN_OVER && heirs && heirs[0]!.askedMs <= closedMs) continue
    if (hasReason(node, closedMs, closeCode, around.of(attempt.org))) continue
    wronged.set(fault, (wronged.get(fault) ?? 0) + 1)
    const what = `#${attempt.number} of ${attempt.org} at node ${node} was closed with ${closeCode} for nothing`
    findings.push({ promise: 'R1–R3', t: closedMs, what: `${what} (${fault})` })
  }
  const figures = [...wronged].map(
    ([fault, seen]): Figure => ({
      promise: 'R1–R3',
      what: 'closed without reason',
      fault,
      seen,
      allowed: 0,
      unit: 'connections',
    }),
  )
  return { findings, figures }
}

function hasReason(node: number, closedMs: number, code: number | undefined, around: Surroundings): boolean {
  const fromMs = closedMs - NOTICED_MS - around.slackMs(closedMs)
  const now = (...effects: Parameters<Surroundings['during']>[0]) =>
    around.during(effects, node, fromMs, closedMs).length > 0
  if (code === WENT_AWAY) return now('draining')
  if (code === BROKE_OFF) return now('killed', 'clients-cut') || now('draining')
  if (code === STORE_AWAY) return around.mayHaveDistrusted(node, closedMs)
  if (code !== LEASE_LOST) return false
  return around.leaselessOf(node).some(({ fromMs, untilMs }) => closedMs >= fromMs && closedMs <= untilMs + NOTICED_MS)
}
