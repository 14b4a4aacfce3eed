import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { createLimiter } from '../../src/index.js'
import { collectMetrics } from '../../src/observe/metrics/metrics.js'
import { METRIC_PREFIX, METRICS } from '../../src/observe/metrics/metrics-catalogue.js'
import { pathsUnder, read } from './sources.js'
import { metricsTable } from './tables.js'

/** The names that a node answers a scrape with, those of histograms' parts included. */
async function names(): Promise<string[]> {
  const limiter = createLimiter()
  const metrics = await collectMetrics(limiter, { registry: new Registry(), process: true }).getMetricsAsJSON()
  await limiter.drain({ withinMs: 100 })
  return [
    'up',
    ...metrics.flatMap(({ name, type }) =>
      String(type) === 'histogram' ? ['bucket', 'count', 'sum'].map((part) => `${name}_${part}`) : [name],
    ),
  ]
}

const named = (text: string) => text.match(/\b(up|(headcount|process|nodejs)_[a-z0-9_]+)\b(?!["'])/g) ?? []

function queries(path: string): string[] {
  if (path.endsWith('.json')) {
    const { panels } = JSON.parse(read(path)) as { panels: { targets: { expr: string }[] }[] }
    return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  }
  const [rules] = parseAllDocuments(read(path)).map((document) => document.toJS())
  return rules.groups.flatMap((group: { rules: { expr: string }[] }) => group.rules.map(({ expr }) => expr))
}

test('docs/metrics.md has the table as the code has it', () => {
  expect(read('docs/metrics.md')).toContain(`\n\n${metricsTable()}\n\n`)
})

test('headcount_build_info has the version of the package where none is given, and that is the one of package.json', async () => {
  const limiter = createLimiter()
  const text = await collectMetrics(limiter, { process: false }).metrics()
  const own = await collectMetrics(limiter, { version: '7.0.0' }).metrics()
  await limiter.drain({ withinMs: 100 })
  const { version } = JSON.parse(read('package.json')) as { version: string }
  expect(text).toContain(`headcount_build_info{version="${version}"} 1`)
  expect(own).toContain('headcount_build_info{version="7.0.0"} 1')
})

test('counters end in _total and what is timed in _seconds, as Prometheus has it', () => {
  for (const [name, { type }] of Object.entries(METRICS)) {
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    if (type === 'histogram') expect(name).toMatch(/_seconds$/)
  }
})

test.each([...pathsUnder('deploy/prometheus', 'alerts.yml'), ...pathsUnder('deploy/grafana', '.json')])(
  '%s asks for metrics that there are',
  async (path) => {
    const asked = queries(path).flatMap(named)
    expect(asked.length).toBeGreaterThan(9)
    const known = await names()
    expect(asked.filter((name) => !known.includes(name))).toEqual([])
  },
)

test.each([...pathsUnder('deploy/prometheus', 'alerts.yml'), ...pathsUnder('deploy/grafana', '.json')])(
  '%s sees two scrapes in whatever it looks at, with one a minute, which is Prometheus’ default',
  (path) => {
    const ranges = queries(path).flatMap((query) => query.match(/(?<=\[)[^\]]+(?=\])/g) ?? [])
    expect(ranges.length).toBeGreaterThan(9)
    expect(ranges.filter((range) => !/^([2-9]|\d\d+)m$|^\d+[hd]$/.test(range))).toEqual([])
  },
)

test('docs/metrics.md names metrics that there are, and has a line for each alert', async () => {
  const text = read('docs/metrics.md')
  const known = [...(await names()), ...Object.keys(METRICS).map((name) => METRIC_PREFIX + name)]
  // GC has a histogram of its own, which is named as a whole.
  expect(named(text).filter((name) => !known.includes(name) && name !== 'nodejs_gc_duration_seconds')).toEqual([])
  const alerts = [...read('deploy/prometheus/alerts.yml').matchAll(/alert: (\w+)/g)].map((found) => found[1])
  const rows = [...text.matchAll(/^\| `(Headcount\w+)` \|/gm)].map((found) => found[1])
  expect(rows).toEqual(alerts)
})

test('control: a metric that is none is found', async () => {
  const known = await names()
  expect(named('sum(rate(headcount_nonsense_total[5m]))').filter((name) => !known.includes(name))).toHaveLength(1)
})
