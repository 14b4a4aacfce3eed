import { Redis } from 'ioredis'
import { add, ask, turned } from './admission-rounds.mjs'
import { medianOf } from './goals.mjs'
import { headcount } from './headcount.mjs'
import { largeOrgs } from './large-orgs.mjs'
import { Meter } from './meter.mjs'
import { plot } from './plot.mjs'
import { attempts, population } from './population.mjs'
import { benchRedis } from './redis-server.mjs'
import { machineFacts, table } from './report.mjs'
import { expiryZset } from './rivals/expiry-zset.mjs'

const [CONNECTIONS, NODES, ORGS] = [3, 20, 10_000]
/** A million orgs take half a minute to fill, and about a gigabyte of memory. */
const SCALES = {
  full: { rounds: 41, orgs: [100, 10_000, 1_000_000], nodes: [1, 10, 100], largeOrg: 100_000 },
  quick: { rounds: 9, orgs: [100, 10_000, 100_000], nodes: [1, 10, 100], largeOrg: 10_000 },
}
/** As many orgs as the smallest population has: an attempt needs an org of its own. */
const ATTEMPTS = 100
const [BATCH, IN_FLIGHT] = [50, 32]
/** Orgs that are filled at a time, so that not a million calls wait at once. */
const CHUNK = 10_000
const MOST = 1.2

/**
 * Whether an admission grows dearer with what is there already. Each population has a Redis of its own, or the large
 * ones would make the small ones slower; they are measured in turn, so that what slows the machine slows all of them.
 * Beside them, among as many orgs, the leanest semaphore that decides in a script: the microseconds that a large population
 * adds to its one set every script pays that looks into a set of its own for each org. Its release is a bare ZREM, and a
 * batch of it a pipeline.
 */
export async function run({ flags }) {
  const scale = flags.quick ? SCALES.quick : SCALES.full
  const plans = [
    scale.orgs.map((orgs) => ({ name: `${orgs} orgs, ${NODES} nodes`, orgs, nodes: NODES, make: ours })),
    scale.orgs.map((orgs) => ({ name: `ZSET semaphore, ${orgs} orgs`, orgs, nodes: 1, make: leanest })),
    scale.nodes.map((nodes) => ({ name: `${ORGS} orgs, ${nodes} nodes`, orgs: ORGS, nodes, make: ours })),
  ]
  const populations = []
  try {
    for (const plan of plans.flat()) populations.push(await populated(plan))
    const groups = plans.map((plan) => plan.map(({ name }) => populations.find((one) => one.name === name)))
    const facts = await machineFacts(populations[0].redis)
    console.log(facts)
    const samples = await rounds(populations, scale.rounds)
    for (const kind of ['script', 'cpu']) {
      const where = kind === 'script' ? 'inside the command' : 'all CPU'
      console.log(
        `\nµs of Redis an item, ${where}; medians of ${scale.rounds} rounds; (n×) = multiple of the smallest\n`,
      )
      for (const group of groups) console.log(`${growthTable(group, samples, kind)}\n`)
    }
    const large = await largeOrgs({ size: scale.largeOrg, rounds: scale.rounds })
    console.log(large.report)
    await plot({
      flags,
      name: 'bench-growth',
      title: 'What an admission costs among more orgs and with more nodes',
      rows: populations.map(({ name }) => name),
      panels: COLUMNS.map((column, i) => ({ title: HEADS[i], kind: 'script', unit: 'µs of Redis an item', column })),
      across: 3,
      of: (row, { column: [operation, size] }) => samples.get(`${row} ${operation} ${size}`),
      caption: [facts, `In the command. Medians of ${scale.rounds} interleaved rounds.`],
    })
    const [byOrgs, , byNodes] = groups
    return [...[byOrgs, byNodes].flatMap((group) => growthGoals(group, samples)), ...large.goals]
  } finally {
    for (const { close } of populations) await close()
  }
}

const ours = ({ url, nodes }) => headcount({ url, prefix: 'hc:', nodes })

function leanest({ url }) {
  const [plain, pipelined] = [new Redis(url), new Redis(url, { enableAutoPipelining: true })]
  const close = async () => {
    for (const client of [plain, pipelined]) client.disconnect()
  }
  return { ...expiryZset({ plain, pipelined, prefix: '' }), close }
}

async function populated({ name, orgs, nodes, make }) {
  const server = await benchRedis({})
  const redis = new Redis(server.url)
  const system = await make({ url: server.url, nodes })
  const close = async () => {
    redis.disconnect()
    await system.close()
    await server.stop()
  }
  const all = population({ orgs, connectionsPerOrg: CONNECTIONS })
  for (let i = 0; i < orgs; i += CHUNK) await system.populate(all.slice(i, i + CHUNK))
  const meter = new Meter(redis)
  await meter.calibrate()
  return { name, orgs, nodes, redis, system, meter, close }
}

const OPERATIONS = ['acquire', 'release', 'refuse']
const COLUMNS = [1, BATCH].flatMap((size) => ['acquire', 'refuse', 'release'].map((operation) => [operation, size]))
const HEADS = COLUMNS.map(([operation, size]) => (size === 1 ? operation : `${operation} by ${size}`))

async function rounds(populations, count) {
  const samples = new Map()
  for (let round = -1; round < count; round++) {
    for (const size of [1, BATCH]) {
      for (const operation of OPERATIONS) {
        for (const { name, orgs, nodes, system, meter } of turned(populations, round + 1)) {
          const shape = { orgs, nodes, connectionsPerOrg: CONNECTIONS }
          const calls = attempts(shape, { start: (round + 1) * 997, turn: 0, count: ATTEMPTS, size })
          await system.renewAll?.()
          const inFlight = size === 1 ? IN_FLIGHT : 1
          const command = system.commands[operation]
          const sample = await meter.measure(command, ATTEMPTS, () => ask(system, operation, calls, inFlight))
          if (round >= 0) add(samples, `${name} ${operation} ${size}`, sample)
        }
      }
    }
  }
  return samples
}

function growthTable(group, samples, kind) {
  const of = ({ name }, [operation, size]) => medianOf(samples.get(`${name} ${operation} ${size}`), kind)
  const cell = (one, column) =>
    `${of(one, column).toFixed(2)} (${(of(one, column) / of(group[0], column)).toFixed(2)}×)`
  return table([['', ...HEADS], ...group.map((one) => [one.name, ...COLUMNS.map((column) => cell(one, column))])])
}

function growthGoals(group, samples) {
  const [smallest, largest] = [group[0], group.at(-1)]
  return [1, BATCH].map((size) => {
    const of = ({ name }) => medianOf(samples.get(`${name} acquire ${size}`), 'script')
    const ratio = of(largest) / of(smallest)
    const how = size === 1 ? 'an acquire' : `an acquire of ${size}`
    const text = `${largest.name}: ${how} costs ${ratio.toFixed(2)}× that of ${smallest.name}, at most ${MOST}×`
    return { text, met: ratio <= MOST }
  })
}
