import type { Effect } from '../records.js'
import type { Figure, Finding, Verdict } from './findings.js'
import type { Attempt } from './history.js'
import type { Surroundings } from './surroundings.js'

/** While one of these lasts, a node may not hear what it is ordered, or its client not what the node did. */
const UNHEARD: readonly Effect[] = ['store-away', 'store-lost', 'cut-off', 'paused', 'clients-cut']

/**
 * L2: the connection whose slot its client has taken to another is closed. Its node hears of it with its next renewal.
 * That the slot itself is handed on at once is looked at where slots are counted.
 */
export function takeovers(attempts: readonly Attempt[], around: Surroundings): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  for (const old of attempts) {
    const { number, org, node, takenOverMs, leavingMs, closedMs = Number.POSITIVE_INFINITY, deaf } = old
    if (takenOverMs === undefined || deaf || Math.min(closedMs, leavingMs ?? closedMs) < takenOverMs) continue
    const near = around.of(org)
    const { renewIntervalMs, callTimeoutMs } = near.terms
    const slackMs = Math.max(near.slackMs(takenOverMs), Number.isFinite(closedMs) ? near.slackMs(closedMs) : 0)
    const allowed = renewIntervalMs * 1.1 + callTimeoutMs + slackMs
    if (near.during(UNHEARD, node, takenOverMs - near.comebackMs, takenOverMs + allowed).length > 0) continue
    const seen = closedMs - takenOverMs
    const fault = near.faultAt(takenOverMs)
    figures.push({ promise: 'L2', what: 'who was taken over stayed open', fault, seen, allowed, unit: 'ms' })
    if (seen <= allowed) continue
    const what = `#${number} of ${org} at node ${node} was open ${Math.round(seen)} ms after its client had another`
    findings.push({ promise: 'L2', t: takenOverMs, what })
  }
  return { findings, figures }
}
