import { median } from './meter.mjs'

/**
 * The limits we hold ourselves to, as multiples of what a script costs on this very Redis that does nothing. Each item
 * of a batch is held against one whole empty call. A ratio is taken round by round, then the median.
 */
const GOALS = [
  { name: 'acquire, one a call', sample: 'acquire 1', most: 4.0 },
  { name: 'acquire, 50 a call', sample: 'acquire 50', most: 2.5 },
  { name: 'refuse, one a call', sample: 'refuse 1', most: 3.0 },
]

/** Renewals may not depend on how many connections the nodes hold; the rest is the noise of two measurements. */
const IDLE_MOST = 1.25

export function goals(admission, idle) {
  const empty = admission.get('script that does nothing acquire 1')
  const scripts = GOALS.map(({ name, sample, most }) => {
    const ratio = ratioOf(admission.get(`headcount ${sample}`), empty)
    return { text: `${name}: ${ratio.toFixed(2)} × the empty script, at most ${most.toFixed(1)}`, met: ratio <= most }
  })
  const ratio = ratioOf(idle.get('headcount renewals'), idle.get('no connections renewals'))
  const text = `idle: renewals cost ${ratio.toFixed(2)} × those of nodes without connections, at most ${IDLE_MOST}`
  return [...scripts, { text, met: ratio <= IDLE_MOST }]
}

export function ratioOf(samples, reference) {
  return median(samples.map(({ script }, round) => script / reference[round].script))
}
