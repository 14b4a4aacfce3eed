import { type Effect, OF_ITS_OWN } from '../records.js'
import type { Figure, Finding, Verdict } from './findings.js'
import { ANSWER_MS, type Attempt, FULL, groupBy, INSTANCE_FULL } from './history.js'
import type { Surroundings } from './surroundings.js'

/** What was asked just before the store went may have been answered by it, or from what it had said just before. */
const STILL_KNOWN_MS = 300
/** Around the end of a window it is not certain on which side of it an answer was decided. */
const BLUR_MS = 150
/**
 * Of a thousand attempts in calm times so many may be refused for a store that did not answer in time: on a machine that
 * does other things, a call may be late without anybody's fault.
 */
const HICCUPS_PER_MILLE = 20
/** Of a hundred refusals for an absent store so many may be late. */
const LATE_PERCENT = 1

/** L6, R1, R2: whether each answer came in time, and was one that the surroundings allow. */
export function answers(attempts: readonly Attempt[], around: Surroundings): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  const hiccups: Attempt[] = []
  const waits: Wait[] = []
  for (const attempt of attempts) {
    const answered = answeredMs(attempt)
    if (answered === undefined) {
      findings.push({ promise: 'L6', t: attempt.askedMs, what: `#${attempt.number} was never answered` })
      continue
    }
    const near = around.of(attempt.org)
    inTime(attempt, answered, near, findings, figures)
    if (attempt.refusal) refusedWithReason(attempt, answered, near, { findings, waits, hiccups })
    decidedWithoutStore(attempt, answered, near, findings)
  }
  const allowed = Math.ceil((attempts.length * HICCUPS_PER_MILLE) / 1_000)
  if (hiccups.length > allowed) {
    const what = `${hiccups.length} attempts were refused for the store when it was there, ${allowed} may be`
    findings.push({ promise: 'R2', t: hiccups[0]!.askedMs, what: `${what}: ${hiccups.slice(0, 5).map(nameOf)}` })
  }
  return {
    findings,
    figures: [
      ...figures,
      ...refusalTimes(waits, findings),
      ...recoveries(attempts, around, findings),
      ...bystanders(attempts, new Set(hiccups), around, findings),
    ],
  }
}

function answeredMs({ openedMs, refusedMs, failedMs }: Attempt): number | undefined {
  return openedMs ?? refusedMs ?? failedMs
}

function nameOf({ number, org, node, askedMs }: Attempt): string {
  return ` #${number} of ${org} at node ${node} at ${Math.round(askedMs)}`
}

function inTime(
  attempt: Attempt,
  answered: number,
  around: Surroundings,
  findings: Finding[],
  figures: Figure[],
): void {
  const { askedMs, node, failure } = attempt
  if (Object.values<string | undefined>(OF_ITS_OWN).includes(failure)) return
  const unable = around.during(['paused', 'killed', 'absent', 'clients-cut'], node, askedMs, answered)
  const ending = around.during(['killed', 'draining'], node, askedMs - around.slackMs(answered), answered)
  if (failure !== undefined && unable.length + ending.length === 0) {
    findings.push({ promise: 'L6', t: answered, what: `${nameOf(attempt)}: '${failure}' from a node that was well` })
  }
  const fromMs = Math.max(askedMs, ...unable.map(({ endMs }) => endMs))
  const allowed = ANSWER_MS + around.slackMs(answered)
  const seen = Math.max(0, answered - fromMs)
  figures.push({ promise: 'L6', what: 'an answer', fault: around.faultAt(askedMs), seen, allowed, unit: 'ms' })
  if (seen > allowed)
    findings.push({ promise: 'L6', t: answered, what: `${nameOf(attempt)}: after ${Math.round(seen)} ms` })
}

/** How long somebody waited to hear that the store is away. */
interface Wait {
  readonly attempt: Attempt
  readonly fault: string
  readonly seen: number
  readonly allowed: number
}

interface Reasons {
  readonly findings: Finding[]
  readonly waits: Wait[]
  readonly hiccups: Attempt[]
}

/** After these a node may say that the store is away until it has had the time to come back; then it says it recovers. */
const UNANSWERED: readonly Effect[] = ['store-away', 'store-lost', 'cut-off', 'paused']

function refusedWithReason(attempt: Attempt, answered: number, around: Surroundings, out: Reasons): void {
  const { refusal, instance, node, askedMs } = attempt
  const { code = '', status = 0 } = refusal ?? {}
  const slackMs = around.slackMs(answered)
  const lost = () => around.isRecovering(askedMs - slackMs, answered)
  const away = () => around.during(UNANSWERED, node, askedMs - around.comebackMs - slackMs, answered).length > 0
  const changing = () => around.during(['draining', 'absent', 'killed'], node, askedMs - slackMs, answered).length > 0
  const allowed: Record<string, () => boolean> = {
    [FULL]: () => true,
    [INSTANCE_FULL]: () => instance !== undefined,
    STORE_UNAVAILABLE: away,
    RECOVERING: () => lost() || around.isRejoining(node, askedMs - slackMs, answered),
    STARTING: changing,
    DRAINING: changing,
    // Time enough may have passed while the node was frozen that it does not answer for the decision any more.
    ADMISSION_UNDECIDED: () => around.during(['paused'], node, askedMs - slackMs, answered).length > 0,
  }
  if (!allowed[code]?.()) {
    if (code === 'STORE_UNAVAILABLE') out.hiccups.push(attempt)
    else out.findings.push({ promise: 'R2', t: answered, what: `${nameOf(attempt)} got ${status} ${code} for nothing` })
  }
  const during = code === 'STORE_UNAVAILABLE' && around.during(['store-away', 'cut-off'], node, askedMs, askedMs)[0]
  if (!during || around.during(['paused', 'clients-cut'], node, askedMs, answered).length > 0) return
  const [fault, seen] = [around.faultAt(askedMs), answered - askedMs]
  const allowedMs = around.terms.callTimeoutMs + slackMs
  out.waits.push({ attempt, fault, seen, allowed: allowedMs })
}

/**
 * R2: refusals for an absent store come within C. A node that gets no CPU for a moment is late, and nothing outside of it
 * can tell; so the medians are judged, fault by fault, and how many were late of all.
 */
function refusalTimes(waits: readonly Wait[], findings: Finding[]): Figure[] {
  const figures: Figure[] = []
  for (const [fault, own] of groupBy(waits, ({ fault }) => fault)) {
    const { attempt, seen, allowed } = [...own].sort((a, b) => a.seen - b.seen)[Math.floor(own.length / 2)]!
    figures.push({ promise: 'R2', what: 'a refusal (503), median', fault, seen, allowed, unit: 'ms' })
    if (seen <= allowed) continue
    findings.push({ promise: 'R2', t: attempt.askedMs, what: `${nameOf(attempt)}: 503 after ${Math.round(seen)} ms` })
  }
  const late = waits.filter(({ seen, allowed }) => seen > allowed)
  const percent = (100 * late.length) / Math.max(1, waits.length)
  figures.push({
    promise: 'R2',
    what: 'refusals (503) later than C',
    fault: 'all faults over',
    unit: '%',
    seen: percent,
    allowed: LATE_PERCENT,
  })
  if (percent > LATE_PERCENT) {
    const what = `${late.length} of ${waits.length} refusals were late: ${late.slice(0, 5).map((w) => nameOf(w.attempt))}`
    findings.push({ promise: 'R2', t: late[0]!.attempt.askedMs, what })
  }
  return figures
}

/** Nobody can have decided on a quota or an admission for whoever asked and was answered while the store was away. */
function decidedWithoutStore(attempt: Attempt, answered: number, around: Surroundings, findings: Finding[]): void {
  const { refusal, openedMs, node, askedMs } = attempt
  const decided = openedMs !== undefined || (refusal !== undefined && refusal.status < 500)
  const aside = around
    .during(['store-away', 'cut-off'], node, askedMs, answered)
    .find(({ beginMs, endMs }) => askedMs >= beginMs + STILL_KNOWN_MS && answered <= endMs - BLUR_MS)
  if (!decided || !aside || around.faultAt(askedMs).includes('again and again')) return
  const answer = refusal ? `${refusal.status} ${refusal.code}` : 'admitted'
  findings.push({ promise: 'R2', t: answered, what: `${nameOf(attempt)} was ${answer} without the store` })
}

/** S5: the orgs of the other parts of a store notice nothing of what is done to one. */
function bystanders(
  attempts: readonly Attempt[],
  refused: ReadonlySet<Attempt>,
  around: Surroundings,
  findings: Finding[],
): Figure[] {
  const beside = attempts.filter(({ org, askedMs }) => around.isElsewhere(org, askedMs))
  return [...groupBy(beside, ({ askedMs }) => around.faultAt(askedMs))].map(([fault, own]): Figure => {
    const harmed = own.filter((attempt) => refused.has(attempt))
    const allowed = Math.ceil((own.length * HICCUPS_PER_MILLE) / 1_000)
    if (harmed.length > allowed) {
      const what = `${harmed.length} of ${own.length} were refused for a part of the store that is not theirs`
      findings.push({ promise: 'S5', t: harmed[0]!.askedMs, what: `${what}: ${harmed.slice(0, 5).map(nameOf)}` })
    }
    const [seen, most] = [harmed.length, allowed].map((count) => (100 * count) / own.length)
    return { promise: 'S5', what: 'refused for a part of others', fault, seen: seen!, allowed: most!, unit: '%' }
  })
}

/** R1: after each loss the first admission, which must not come too early, and the last refusal for it. */
function recoveries(attempts: readonly Attempt[], around: Surroundings, findings: Finding[]): Figure[] {
  const figures: Figure[] = []
  const losses = around.during(['store-lost'], undefined, 1, Number.POSITIVE_INFINITY)
  for (const loss of losses) {
    const { beginMs, endMs, orgs } = loss
    const concerned = orgs ? attempts.filter(({ org }) => orgs.has(org)) : attempts
    const known = new Set(concerned.map(({ org }) => org))
    const recoveredMs = Math.max(endMs, ...[...known].map((org) => around.of(org).recoveredMs(loss)))
    const after = concerned.filter(({ askedMs }) => askedMs > beginMs && askedMs < recoveredMs)
    const first = Math.min(...after.flatMap(({ openedMs }) => openedMs ?? []))
    const least = around.leastRecoveryMs
    if (first < endMs + least - BLUR_MS) {
      const what = `a store that had lost its memory admitted after ${Math.round(first - endMs)} of ${least} ms`
      findings.push({ promise: 'R1', t: first, what })
    }
    const last = Math.max(
      endMs,
      ...after.filter(({ refusal }) => refusal?.code === 'RECOVERING').map((a) => a.refusedMs!),
    )
    figures.push({
      promise: 'R1',
      what: 'newcomers waited',
      fault: around.faultAt(beginMs),
      seen: last - endMs,
      unit: 'ms',
      allowed: recoveredMs - endMs + around.slackMs(last),
    })
  }
  return figures
}
