import { percentile } from './probe.js'

/** Prints what a long test measured as a row a figure, beside what is promised: docs/storms.md is made of these. */
export function printFigures(title: string, figures: Readonly<Record<string, string | number>>): void {
  const rows = Object.entries(figures).map(([what, value]) => `  ${what.padEnd(58)} ${value}`)
  console.log([title, ...rows].join('\n'))
}

/** Median, 99th percentile and maximum, in milliseconds. */
export function spread(valuesMs: readonly number[]): string {
  const shown = [0.5, 0.99, 1].map((share) => percentile(valuesMs, share).toFixed(0))
  return `${shown.join(' / ')} ms of ${valuesMs.length}`
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** Counts by answer, the most frequent first. */
export function listed(counts: Readonly<Record<string, number>> | ReadonlyMap<string, number>): string {
  const entries = counts instanceof Map ? [...counts] : Object.entries(counts)
  return entries
    .sort((one, other) => other[1] - one[1])
    .map(([answer, count]) => `${answer} ${count}`)
    .join(', ')
}
