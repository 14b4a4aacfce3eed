import type { ChaosRecord } from '../records.js'
import type { Figure, Finding, Verdict } from './findings.js'
import { type Attempt, groupBy } from './history.js'
import type { Surroundings } from './surroundings.js'

const MB = 1_048_576
/** A process counts as warm after so long, and its memory as flat if it grows by no more from then on. */
const WARM_MS = 30_000
const GROWTH_MB = 100

/** L4, L5 and that no process ends by itself or grows. */
export function endings(records: readonly ChaosRecord[], attempts: readonly Attempt[], around: Surroundings): Verdict {
  const parts = [drains(records, attempts, around), leftovers(records, around), processes(records, around)]
  return { findings: parts.flatMap(({ findings }) => findings), figures: parts.flatMap(({ figures }) => figures) }
}

/** L4: a node that was told to stop has ended in good order and in time, and its connections before it. */
function drains(records: readonly ChaosRecord[], attempts: readonly Attempt[], around: Surroundings): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  const exits = records.flatMap((record) => (record.is === 'exited' ? [record] : []))
  for (const { node, beginMs, endMs } of around.windows.filter(({ effect }) => effect === 'draining')) {
    const seen = endMs - beginMs
    const allowed = around.terms.drainMs + around.slackMs(endMs)
    const fault = around.faultAt(beginMs)
    figures.push({ promise: 'L4', what: 'a node took to stop', fault, seen, allowed, unit: 'ms' })
    if (seen > allowed) findings.push({ promise: 'L4', t: endMs, what: `node ${node} took ${Math.round(seen)} ms` })
    const inOrder = exits.some((exit) => exit.node === node && exit.code === 0 && Math.abs(exit.t - endMs) < 1_000)
    if (!inOrder) findings.push({ promise: 'L4', t: endMs, what: `node ${node} did not exit with 0` })
    const outlived = attempts.filter(
      ({ node: own, openedMs = Infinity, closedMs = Infinity, leave, deaf }) =>
        own === node &&
        !deaf &&
        openedMs < endMs &&
        closedMs > endMs + 1_000 + around.slackMs(endMs) &&
        leave === undefined,
    )
    for (const { number } of outlived) {
      findings.push({ promise: 'L4', t: endMs, what: `#${number} outlived its node ${node}` })
    }
  }
  return { findings, figures }
}

/** L5: once all is calm, Redis and clients agree within two audits; when all have closed, nothing is left. */
function leftovers(records: readonly ChaosRecord[], around: Surroundings): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  const at = (is: ChaosRecord['is']) => records.find((record) => record.is === is)?.t
  const fault = 'all faults over'
  const pair = (from: number | undefined, until: number | undefined, what: string) => {
    if (from === undefined || until === undefined) {
      findings.push({ promise: 'L5', t: from ?? 0, what: `the run ended before ${what}` })
      return
    }
    const [seen, allowed] = [until - from, 2 * around.terms.auditMs + around.slackMs(until)]
    figures.push({ promise: 'L5', what, fault, seen, allowed, unit: 'ms' })
    if (seen > allowed) findings.push({ promise: 'L5', t: until, what: `${what} after ${Math.round(seen)} ms only` })
  }
  pair(at('calm'), at('compared'), 'Redis and clients agree')
  pair(at('all-closed'), at('emptied'), 'no slot is left')
  for (const record of records) {
    if (record.is === 'compared' && record.onlyInStore.length + record.onlyInClients.length > 0) {
      const { onlyInStore, onlyInClients, t } = record
      findings.push({ promise: 'L5', t, what: `only in Redis: ${onlyInStore}; only with clients: ${onlyInClients}` })
    }
    if (record.is === 'emptied' && record.slotsLeft > 0) {
      findings.push({ promise: 'L5', t: record.t, what: `${record.slotsLeft} slots are left in Redis` })
    }
  }
  return { findings, figures }
}

function processes(records: readonly ChaosRecord[], around: Surroundings): Verdict {
  const findings: Finding[] = []
  const figures: Figure[] = []
  for (const record of records) {
    if (record.is !== 'exited') continue
    const { node, t, code, signal } = record
    if (around.during(['draining'], node, t - 1_000, t).length > 0) continue
    findings.push({ promise: 'R2', t, what: `node ${node} ended by itself (${code ?? signal})` })
  }
  const samples = records.flatMap((record) => (record.is === 'rss' ? [record] : []))
  for (const [pid, own] of groupBy(samples, ({ pid }) => pid)) {
    const warm = own.filter(({ t }) => t >= own[0]!.t + WARM_MS)
    if (warm.length < 2) continue
    const seen = Math.max(0, (warm.at(-1)!.bytes - warm[0]!.bytes) / MB)
    const fault = 'all faults over'
    figures.push({ promise: 'R2', what: 'a process grew', fault, seen, allowed: GROWTH_MB, unit: 'MB' })
    if (seen > GROWTH_MB) {
      findings.push({ promise: 'R2', t: warm.at(-1)!.t, what: `process ${pid} grew by ${Math.round(seen)} MB` })
    }
  }
  return { findings, figures }
}
