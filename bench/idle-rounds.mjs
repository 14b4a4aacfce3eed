import { add, ask, turned } from './admission-rounds.mjs'
import { beats } from './population.mjs'
import { BEAT } from './settings.mjs'

const MINUTE_MS = 60_000

/**
 * What connections cost that do nothing, in microseconds per connection and minute: the nodes' renewals of one whole
 * minute for headcount, beside a control (as many nodes that hold no connection); one beat of a sample of connections,
 * times the beats of a minute, for systems in which every connection refreshes itself.
 */
export async function idleRounds({ systems, ours, emptyNodes, meter, scale }) {
  const samples = new Map()
  for (let round = -1; round < scale.idleRounds; round++) {
    const keep = (name, sample) => round >= 0 && add(samples, name, sample)
    // Beat by beat in turn: each sample is short, so that few of them meet whatever else the machine does.
    for (let beat = 0; beat < MINUTE_MS / BEAT.renewMs; beat++) {
      for (const [name, nodes] of turned(
        [
          ['headcount', ours],
          ['no connections', emptyNodes],
        ],
        beat,
      )) {
        const sample = await meter.measure(nodes.commands.beat, scale.connections, () => nodes.renewAll())
        keep(`${name} renewals`, times(sample, MINUTE_MS / BEAT.renewMs))
      }
    }
    keep('headcount audit', await audit(ours, meter, round + 1, scale))
    for (const size of [1, scale.batchSize]) {
      const calls = beats(scale, { start: (round + 1) * 997, count: scale.beating, size })
      for (const system of turned(systems, round + 1)) {
        const inFlight = size === 1 ? scale.inFlight : 1
        const beat = await meter.measure(system.commands.beat, scale.beating, () =>
          ask(system, 'beat', calls, inFlight),
        )
        keep(`${system.name} beat ${size}`, times(beat, MINUTE_MS / BEAT.rivalMs))
        await ours.renewAll()
      }
    }
  }
  return samples
}

/** Walks the index of one node; a connection is looked at every 30 s. */
async function audit(ours, meter, round, scale) {
  let looked = 0
  const sample = await meter.measure('evalsha', 1, async () => {
    let page = { cursor: '0', slots: [] }
    do {
      page = await ours.auditPage(round % scale.nodes, page)
      looked += page.looked
    } while (page.cursor !== '0' && looked < scale.beating)
  })
  return times(sample, 2 / looked)
}

function times({ script, cpu }, factor) {
  return { script: script * factor, cpu: cpu * factor }
}
