import { medianOf } from './goals.mjs'
import { table } from './report.mjs'

const [OURS, EMPTY, BATCHED, SEMAPHORE] = [
  'headcount',
  'script that does nothing',
  'the same, batched as ours',
  'redis-semaphore',
]

/** In brackets the multiple of the script that does nothing, one a call. */
export function throughputTable(systems, samples, inFlight) {
  const of = (name, kind) => medianOf(samples.get(`${name} ${inFlight}`), kind)
  const rows = systems.map(({ name }) => [
    name,
    `${Math.round(of(name, 'perSecond'))} (${(of(name, 'perSecond') / of(EMPTY, 'perSecond')).toFixed(2)}×)`,
    of(name, 'p50Ms').toFixed(3),
    of(name, 'p99Ms').toFixed(3),
    of(name, 'clientUs').toFixed(1),
    of(name, 'redisUs').toFixed(1),
  ])
  const head = ['', 'pairs a second', 'acquire p50, ms', 'p99, ms', 'client CPU a pair, µs', 'Redis CPU a pair, µs']
  return table([head, ...rows])
}

export function throughputGoals(samples) {
  const ratio = (name, inFlight, kind) =>
    medianOf(samples.get(`${OURS} ${inFlight}`), kind) / medianOf(samples.get(`${name} ${inFlight}`), kind)
  const least = [
    ['pairs a second of redis-semaphore', ratio(SEMAPHORE, 512, 'perSecond'), 5],
    ['pairs of a script that does nothing, one a call', ratio(EMPTY, 512, 'perSecond'), 4],
    ['pairs of the same, batched as ours', ratio(BATCHED, 512, 'perSecond'), 0.75],
  ].map(([what, times, goal]) => ({
    text: `512 in flight: ${times.toFixed(2)}× the ${what}, at least ${goal}×`,
    met: times >= goal,
  }))
  const alone = ratio(EMPTY, 1, 'p50Ms')
  const text = `1 in flight: an admission takes ${alone.toFixed(2)}× a plain round trip at p50, at most 1.1×`
  return [...least, { text, met: alone <= 1.1 }]
}
