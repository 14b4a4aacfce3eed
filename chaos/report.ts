import type { Figure, Verdict } from './checker/findings.js'
import { allFaults } from './faults/all.js'
import type { ChaosRecord, RunHeader } from './records.js'

const HEADS = ['fault', 'times', 'promise', 'worst seen', 'allowed']

/** A table that reads well in a terminal and in Markdown: for each fault and promise the worst that was seen. */
export function table({ figures }: Verdict, records: readonly ChaosRecord[]): string {
  const times = new Map<string, number>()
  for (const record of records) {
    if (record.is === 'fault' && record.phase === 'begin') times.set(record.name, (times.get(record.name) ?? 0) + 1)
  }
  const order = ['no fault yet', ...allFaults.map(({ name }) => name), 'all faults over']
  const rows = order.flatMap((fault) => {
    const own = worst(figures.filter((figure) => figure.fault === fault))
    return own.map((figure, i) => [
      i === 0 ? fault : '',
      i === 0 ? String(times.get(fault) ?? '') : '',
      `${figure.promise}: ${figure.what}`,
      amount(figure.seen, figure.unit),
      amount(figure.allowed, figure.unit),
    ])
  })
  return markdown([HEADS, ...rows])
}

/** One line each on what was run, and whether it was well. */
export function summary(header: RunHeader, records: readonly ChaosRecord[], { findings }: Verdict): string {
  const count = (is: ChaosRecord['is']) => records.filter((record) => record.is === is).length
  const { terms, clients, orgs, nodes, minutes, seed } = header
  return [
    `${minutes} minutes, seed ${seed}: ${nodes} nodes, ${orgs.length} orgs, ${clients} clients; lease ${terms.ttlMs / 1_000} s, ` +
      `renewal ${terms.renewIntervalMs / 1_000} s, store deadline ${terms.callTimeoutMs} ms, pong timeout ${terms.pongTimeoutMs / 1_000} s` +
      `${terms.onLeaseLost === 'close' ? ', connections closed with their lease' : ''}`,
    `${count('asked')} attempts: ${count('opened')} opened, ${count('refused')} refused, ${count('failed')} without an answer; ` +
      `${records.filter((record) => record.is === 'fault' && record.phase === 'begin').length} faults, ${count('limit')} changes of limits`,
    findings.length === 0 ? 'Every promise was kept.' : `${findings.length} BREACHES of promises.`,
  ].join('\n')
}

/** The figure that came nearest to its bound, for each promise. */
function worst(figures: readonly Figure[]): Figure[] {
  const found = new Map<string, Figure>()
  for (const figure of figures) {
    const key = `${figure.promise}: ${figure.what}`
    const best = found.get(key)
    if (!best || figure.seen - figure.allowed > best.seen - best.allowed) found.set(key, figure)
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b)).map(([, figure]) => figure)
}

function amount(value: number, unit: Figure['unit']): string {
  if (unit === 'connections') return String(value)
  if (unit === '%') return `${value.toFixed(1)} %`
  return unit === 'ms' ? `${(value / 1_000).toFixed(2)} s` : `${value.toFixed(0)} MB`
}

function markdown(rows: readonly (readonly string[])[]): string {
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n')
}
