import { Redis } from 'ioredis'
import { add, turned } from './admission-rounds.mjs'
import { startChild } from './child.mjs'
import { medianOf } from './goals.mjs'
import { plot } from './plot.mjs'
import { forget, PREFIX } from './prefix.mjs'
import { machineFacts } from './report.mjs'
import { latencyTable, rateTable, upgradeGoals } from './upgrades-report.mjs'

const NODES = [
  { name: 'bare ws', kind: 'bare' },
  { name: 'headcount on Redis', kind: 'redis' },
  { name: 'headcount, embedded store', kind: 'embedded' },
  { name: 'the whole server, on Redis', kind: 'server' },
  { name: 'script that does nothing, one a call', kind: 'empty' },
  { name: 'redis-semaphore, its class', kind: 'semaphore' },
]
/** Those whose latency is compared. */
const COMPARED = ['bare ws', 'headcount on Redis']
const SCALES = {
  full: { rounds: 11, inFlight: 64, count: 3_000, pacedRounds: 5, seconds: 5 },
  quick: { rounds: 3, inFlight: 64, count: 1_500, pacedRounds: 1, seconds: 3 },
}

/**
 * Upgrades a second of a node and its CPU for each, with and without something that decides in front of bare ws; then
 * how long an upgrade takes at half of the rate that the limited node reached. Nodes and clients are processes of their
 * own, and take turns. An upgrade is the whole way of a short connection: TCP, handshake, first frame, close.
 */
export async function run({ url, flags }) {
  const scale = flags.quick ? SCALES.quick : SCALES.full
  const redis = new Redis(url)
  const clients = startChild('upgrade-clients.mjs', {})
  const nodes = NODES.map(({ name, kind }) => {
    const child = startChild('upgrade-node.mjs', { kind, url, prefix: `${PREFIX}${kind}:` })
    return { name, child }
  })
  try {
    for (const node of nodes) node.at = await node.child.ask('at')
    const facts = await machineFacts(redis)
    console.log(facts)
    const rates = await rateRounds(nodes, clients, scale)
    console.log(`\n${scale.inFlight} in flight, as fast as it goes; medians of ${scale.rounds} interleaved rounds\n`)
    console.log(rateTable(nodes, rates))
    const perSecond = medianOf(rates.get('headcount on Redis'), 'perSecond') / 2
    const compared = nodes.filter(({ name }) => COMPARED.includes(name))
    const paced = await pacedRounds(compared, clients, perSecond, scale)
    console.log(`\n${Math.round(perSecond)} a second at random moments; medians of ${scale.pacedRounds} rounds\n`)
    console.log(latencyTable(compared, paced))
    await plot({
      flags,
      name: 'bench-upgrades',
      title: `Upgrades of one node, ${scale.inFlight} in flight`,
      rows: nodes.map(({ name }) => name),
      panels: [
        { title: 'as fast as it goes', kind: 'perSecond', unit: 'upgrades a second' },
        { title: "the node's CPU for each", kind: 'nodeUs', unit: 'µs an upgrade' },
      ],
      across: 2,
      of: (row) => rates.get(row),
      caption: [facts, `Medians of ${scale.rounds} interleaved rounds.`],
    })
    return upgradeGoals(rates, paced)
  } finally {
    await Promise.all([clients, ...nodes.map(({ child }) => child)].map((child) => child.stop()))
    if (process.env.BENCH_REDIS_URL) await forget(redis)
    redis.disconnect()
  }
}

async function rateRounds(nodes, clients, { rounds, inFlight, count }) {
  const samples = new Map()
  for (let round = -1; round < rounds; round++) {
    for (const { name, child, at } of turned(nodes, round + 1)) {
      const before = await child.ask('usage')
      const { perSecond } = await clients.ask('closed', { at, inFlight, count })
      const after = await child.ask('usage')
      if (after.opened - before.opened !== count)
        throw new Error(`${name}: ${after.opened - before.opened} of ${count} opened`)
      if (round >= 0) add(samples, name, { perSecond, nodeUs: (after.cpuUs - before.cpuUs) / count })
    }
  }
  return samples
}

async function pacedRounds(nodes, clients, perSecond, { pacedRounds, seconds }) {
  const samples = new Map()
  for (let round = 0; round < pacedRounds; round++) {
    for (const { name, at } of turned(nodes, round)) {
      add(samples, name, await clients.ask('paced', { at, perSecond, seconds }))
    }
  }
  return samples
}
