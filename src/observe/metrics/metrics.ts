import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { checkGiven, type Kind } from '../../core/given.js'
import type { Limiter } from '../../limiter/limiter.js'
import { METRIC_PREFIX, METRICS, type MetricRow } from './metrics-catalogue.js'
import { countEvents, readGauges } from './metrics-sources.js'
import { countServer, type ServerParts } from './server-metrics.js'

type Name = keyof typeof METRICS
type Named<Type extends MetricRow['type']> = {
  [N in Name]: (typeof METRICS)[N]['type'] extends Type ? N : never
}[Name]
/** Values of labels, in the order of the catalogue. */
type Labels = readonly string[]

/** Admissions take about a round trip to the store, and its deadline at most; both ends must be told apart. */
const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** The metrics of the catalogue, in a registry. */
export class Metrics {
  readonly registry: Registry
  readonly #gauges = new Map<Name, Gauge>()
  readonly #counters = new Map<Name, Counter>()
  readonly #histograms = new Map<Name, Histogram>()
  readonly #readers = new Map<Name, () => void | Promise<void>>()

  constructor(registry: Registry) {
    this.registry = registry
    for (const [name, { type, help, labels = [] }] of Object.entries<MetricRow>(METRICS)) {
      const collect = () => this.#readers.get(name as Name)?.()
      const what = { name: METRIC_PREFIX + name, help, labelNames: labels, registers: [registry], collect }
      if (type === 'gauge') this.#gauges.set(name as Name, new Gauge(what))
      else if (type === 'counter') this.#counters.set(name as Name, new Counter(what))
      else this.#histograms.set(name as Name, new Histogram({ ...what, buckets: BUCKETS_SECONDS }))
    }
  }

  count(name: Named<'counter'>, labels: Labels = [], by = 1): void {
    const counter = this.#counters.get(name)!
    counter.labels(...labels).inc(by)
  }

  time(name: Named<'histogram'>, labels: Labels, tookMs: number): void {
    const histogram = this.#histograms.get(name)!
    histogram.labels(...labels).observe(tookMs / 1_000)
  }

  /** What sets a metric whenever somebody asks for it. */
  read(name: Name, reader: () => void | Promise<void>): void {
    this.#readers.set(name, reader)
  }

  /** A value that is no finite number is taken away. */
  set(name: Named<'gauge'>, value: number | undefined, labels: Labels = []): void {
    const gauge = this.#gauges.get(name)!
    if (value !== undefined && Number.isFinite(value)) gauge.labels(...labels).set(value)
    else gauge.remove(...labels)
  }
}

export interface MetricsOptions extends ServerParts {
  /** Where to register; a registry of its own where absent. */
  readonly registry?: Registry | undefined
  /** Whether metrics of the process and of Node are collected too, under their usual names; false where absent. */
  readonly process?: boolean | undefined
  /** Connections that this process may hold (`maxConnections` of `attach`), to be shown beside those it has. */
  readonly maxConnections?: number | undefined
  /** The label of `headcount_build_info`; headcount’s own version where absent. */
  readonly version?: string | undefined
  /** Read at each scrape, as are the next two. @internal */
  readonly refusalsDropped?: () => number
  /** @internal */
  readonly viewers?: () => number
  /** @internal */
  readonly wrongTokens?: () => number
}

/** All of the interface, or this does not compile. */
const OPTIONS: Readonly<Record<keyof MetricsOptions, Kind>> = {
  registry: 'object',
  process: 'boolean',
  maxConnections: 'limit',
  version: 'string',
  refusalsDropped: 'function',
  viewers: 'function',
  wrongTokens: 'function',
  identities: 'object',
  keyFileUsable: 'function',
  webhook: 'function',
}

/**
 * Metrics of a limiter for Prometheus: `await registry.metrics()` is what to answer a scrape. They are counted from now
 * on. A scrape asks the store one question at most, and never fails for its absence. Throws `INVALID_SETTINGS` for an
 * option that is none or of the wrong kind: metrics would stand in a registry that nobody scrapes; and `INVALID_LIMIT` for a
 * `maxConnections` that is no limit.
 */
export function collectMetrics(limiter: Limiter, options: MetricsOptions = {}): Registry {
  checkGiven(options, { kinds: OPTIONS, listedIn: 'docs/metrics.md' })
  const { registry = new Registry() } = options
  const metrics = new Metrics(registry)
  countEvents(limiter, metrics)
  readGauges(limiter, metrics, options)
  countServer(options, metrics)
  if (options.process) collectDefaultMetrics({ register: registry })
  return registry
}
