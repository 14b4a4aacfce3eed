import { median } from './meter.mjs'

export const REFERENCE = 'script that does nothing acquire 1'

/**
 * The limits we hold ourselves to, as multiples of what a script costs on this very Redis that does nothing. Each item
 * of a batch is held against one whole empty call.
 */
const GOALS = [
  { name: 'acquire, one a call', sample: 'acquire 1', most: 4.0 },
  { name: 'acquire, 50 a call', sample: 'acquire 50', most: 2.5 },
  { name: 'refuse, one a call', sample: 'refuse 1', most: 3.0 },
]

/** Renewals may not depend on how many connections the nodes hold; the rest is the noise of two measurements. */
const IDLE_MOST = 1.25

export function goals(admission, idle) {
  const empty = admission.get(REFERENCE)
  const admissions = GOALS.flatMap(({ name, sample, most }) =>
    [
      ['in the command', 'script'],
      ['all CPU', 'cpu'],
    ].map(([where, kind]) => {
      const ratio = ratioOf(admission.get(`headcount ${sample}`), empty, kind)
      return { text: `${name}, ${where}: ${ratio.toFixed(2)}×, at most ${most.toFixed(1)}×`, met: ratio <= most }
    }),
  )
  const ratio = ratioOf(idle.get('headcount renewals'), idle.get('no connections renewals'), 'script')
  const text = `idle: renewals cost ${ratio.toFixed(2)}× those of nodes without connections, at most ${IDLE_MOST}×`
  return [...admissions, { text, met: ratio <= IDLE_MOST }]
}

export function ratioOf(samples, reference, kind) {
  return medianOf(samples, kind) / medianOf(reference, kind)
}

export function medianOf(samples, kind) {
  return median(samples.map((sample) => sample[kind]))
}
