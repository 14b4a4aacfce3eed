import { medianOf } from './goals.mjs'
import { table } from './report.mjs'

const [BARE, OURS] = ['bare ws', 'headcount on Redis']

/** In brackets the multiple of bare ws. */
export function rateTable(nodes, samples) {
  const cell = (name, kind, digits) => {
    const value = medianOf(samples.get(name), kind)
    return `${value.toFixed(digits)} (${(value / medianOf(samples.get(BARE), kind)).toFixed(2)}×)`
  }
  const rows = nodes.map(({ name }) => [name, cell(name, 'perSecond', 0), cell(name, 'nodeUs', 1)])
  return table([['', 'upgrades a second', "the node's CPU for each, µs"], ...rows])
}

export function latencyTable(nodes, samples) {
  const rows = nodes.map(({ name }) => [
    name,
    ...['p50Ms', 'p99Ms'].map((kind) => medianOf(samples.get(name), kind).toFixed(2)),
  ])
  return table([['', 'p50, ms', 'p99, ms'], ...rows])
}

export function upgradeGoals(rates, paced) {
  const ratio = (kind) => medianOf(rates.get(OURS), kind) / medianOf(rates.get(BARE), kind)
  const added = (kind) => medianOf(paced.get(OURS), kind) - medianOf(paced.get(BARE), kind)
  const [rate, cpu] = [ratio('perSecond'), ratio('nodeUs')]
  const [p50Ms, p99Ms] = [added('p50Ms'), added('p99Ms')]
  return [
    { text: `${rate.toFixed(2)}× the upgrades a second of bare ws, at least 0.92×`, met: rate >= 0.92 },
    { text: `${cpu.toFixed(2)}× the node's CPU for an upgrade, at most 1.12×`, met: cpu <= 1.12 },
    { text: `at half the top rate ${p50Ms.toFixed(2)} ms more at p50, at most 1`, met: p50Ms <= 1 },
    { text: `at half the top rate ${p99Ms.toFixed(2)} ms more at p99, at most 5`, met: p99Ms <= 5 },
  ]
}
