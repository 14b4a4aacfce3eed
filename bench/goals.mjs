import { median } from './meter.mjs'

export const REFERENCE = 'script that does nothing acquire 1'

/**
 * The limits we hold ourselves to in the command, as multiples of what a script costs on this very Redis that does
 * nothing. Each item of a batch is held against one whole empty call.
 */
const GOALS = [
  { name: 'acquire, one a call', sample: 'acquire 1', most: 3.0 },
  { name: 'acquire, 50 a call', sample: 'acquire 50', most: 1.8 },
  { name: 'refuse, one a call', sample: 'refuse 1', most: 2.4 },
  { name: 'release, 50 a call', sample: 'release 50', most: 1.0 },
]

/** What redis-semaphore's acquire costs, in multiples of ours. */
const DEARER = [
  { name: 'one a call', sample: 'acquire 1', least: 1.4 },
  { name: '50 a call', sample: 'acquire 50', least: 2.3 },
]

/** Renewals may not depend on how many connections the nodes hold; the rest is the noise of two measurements. */
const IDLE_MOST = 1.25

/** What idle connections cost with redis-semaphore at its best, pipelined, in multiples of our renewals. */
const IDLE_DEARER = 500

export function goals(admission, idle) {
  return [...admissionGoals(admission), ...idleGoals(idle)]
}

/**
 * The goals are set for the time in the command. What is printed beside it, all CPU of the thread, is what fills a core.
 * `of` is whom they are held against.
 */
export function admissionGoals(admission, of = 'headcount') {
  const empty = admission.get(REFERENCE)
  const bothOf = (samples, reference) => ['script', 'cpu'].map((kind) => ratioOf(samples, reference, kind))
  const absolute = GOALS.map(({ name, sample, most }) => {
    const [command, cpu] = bothOf(admission.get(`${of} ${sample}`), empty)
    return {
      text: `${name}: ${command.toFixed(2)}× in the command (${cpu.toFixed(2)}× of all CPU), at most ${most.toFixed(1)}×`,
      met: command <= most,
    }
  })
  const compared = DEARER.map(({ name, sample, least }) => {
    const [command, cpu] = bothOf(admission.get(`redis-semaphore ${sample}`), admission.get(`${of} ${sample}`))
    return {
      text: `redis-semaphore's acquire, ${name}: ${command.toFixed(2)}× of it in the command (${cpu.toFixed(2)}× of all CPU), at least ${least}×`,
      met: command >= least,
    }
  })
  return [...absolute, ...compared]
}

function idleGoals(idle) {
  const renewals = idle.get('headcount renewals')
  const more = ratioOf(renewals, idle.get('no connections renewals'), 'script')
  const best = [...idle.keys()].filter((name) => name.startsWith('redis-semaphore beat'))
  const [dearer, dearerCpu] = ['script', 'cpu'].map((kind) =>
    Math.min(...best.map((name) => ratioOf(idle.get(name), renewals, kind))),
  )
  return [
    {
      text: `idle: renewals cost ${more.toFixed(2)}× those of nodes without connections, at most ${IDLE_MOST}×`,
      met: more <= IDLE_MOST,
    },
    {
      text: `idle: redis-semaphore at its best costs ${dearer.toFixed(0)}× our renewals (${dearerCpu.toFixed(0)}× of all CPU), at least ${IDLE_DEARER}×`,
      met: dearer >= IDLE_DEARER,
    },
  ]
}

export function ratioOf(samples, reference, kind) {
  return medianOf(samples, kind) / medianOf(reference, kind)
}

export function medianOf(samples, kind) {
  return median(samples.map((sample) => sample[kind]))
}
