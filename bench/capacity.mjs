import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { capacityOf } from '../dist/cli/size/capacity.js'
import { audits, paced, renewals } from './calm.mjs'
import { headcount } from './headcount.mjs'
import { Meter } from './meter.mjs'
import { attempts, population } from './population.mjs'
import { benchRedis } from './redis-server.mjs'
import { machineFacts, table } from './report.mjs'
import { settledBytes } from './used-memory.mjs'

const POINTS = [
  { orgs: 33_334, connectionsPerOrg: 3, churnPerSecond: 2_000 },
  { orgs: 333_334, connectionsPerOrg: 3, churnPerSecond: 2_000 },
]
const WINDOW_MS = { full: 15_000, quick: 5_000 }
/** Pairs begin together this often: sooner than a node's clients could tell. */
const TICK_MS = 5
const POPULATE_ORGS = 10_000
/** A model that is this far off is of no use. */
const MOST_OFF = { memory: 1.1, cpu: 1.3 }

/**
 * What `headcount size` says, beside what is so: connections of 10^5 and 10^6 over as many leases as it says there should
 * be, renewed and audited as nodes do, while 2,000 a second come and go one a call: enough to keep Redis warm, since
 * whatever it is asked costs it twice as much after a pause. The quick one leaves out the million.
 */
export async function run({ flags }) {
  const goals = []
  for (const point of POINTS.slice(0, flags.quick ? 1 : POINTS.length)) {
    const server = await benchRedis({})
    try {
      goals.push(...(await held(point, server.url, flags.quick ? WINDOW_MS.quick : WINDOW_MS.full)))
    } finally {
      await server.stop()
    }
  }
  return goals
}

async function held({ orgs, connectionsPerOrg, churnPerSecond }, url, windowMs) {
  const connections = orgs * connectionsPerOrg
  const model = capacityOf({ orgs, connections, churnPerSecond })
  const scale = { orgs, connectionsPerOrg, nodes: model.nodes.count }
  const redis = new Redis(url)
  const ours = await headcount({ url, prefix: 'hc:1:', nodes: scale.nodes })
  try {
    await ours.populate([{ index: 0, org: 'warm', ids: ['warm'] }])
    const before = await settledBytes(redis)
    const all = population(scale)
    for (let from = 0; from < orgs; from += POPULATE_ORGS) await ours.populate(all.slice(from, from + POPULATE_ORGS))
    const memoryBytes = (await settledBytes(redis)) - before
    const meter = await new Traffic(redis).calibrated(windowMs)
    const churn = () => comingAndGoing(ours, scale, churnPerSecond, windowMs)
    const alone = {
      renewal: await meter.measure(windowMs, () => renewals(ours, scale, windowMs)),
      audit: await meter.measure(windowMs, () => audits(ours, scale, windowMs)),
      pair: await meter.measure(windowMs, churn),
    }
    const together = await meter.measure(windowMs, () =>
      Promise.all([renewals(ours, scale, windowMs), audits(ours, scale, windowMs), churn()]),
    )
    console.log(`${await machineFacts(redis)}\n${connections} connections in ${orgs} orgs over ${scale.nodes} leases\n`)
    console.log(`${unitTable(alone, windowMs)}\n`)
    const rows = compared({ memoryBytes, together, model, windowMs })
    console.log(`${table([['together', 'measured', 'the model', ''], ...rows.map(({ cells }) => cells)])}\n`)
    return rows
      .filter(({ most }) => most)
      .map(({ what, ratio, most }) => ({
        text: `${connections} connections, ${churnPerSecond} a second, ${what}: ${ratio.toFixed(2)}× of the model, within ${most}×`,
        met: ratio <= most && ratio >= 1 / most,
      }))
  } finally {
    await ours.close()
    redis.disconnect()
  }
}

/** Connections that are admitted and leave at once, one a call, of ever other orgs. */
function comingAndGoing(ours, scale, perSecond, forMs) {
  const calls = attempts(scale, { start: 0, turn: 0, count: Math.min(scale.orgs, perSecond), size: 1 })
  const each = Math.round((perSecond * TICK_MS) / 1_000)
  return paced(forMs, TICK_MS, (turn) =>
    Promise.all(
      Array.from({ length: each }, async (_, i) => {
        const call = calls[(turn * each + i) % calls.length]
        const [isAdmitted] = await ours.acquire(call)
        if (!isAdmitted) throw new Error('a wrong answer to acquire')
        await ours.release(call)
      }),
    ),
  ).then((ticks) => ticks * each)
}

/** CPU and bytes of Redis in a window, beyond one in which nothing is asked of it. */
class Traffic {
  #redis
  #meter
  #nothing = { cores: 0, inBytes: 0, outBytes: 0 }

  constructor(redis) {
    this.#redis = redis
    this.#meter = new Meter(redis)
  }

  async calibrated(windowMs) {
    await this.#meter.calibrate()
    this.#nothing = await this.measure(windowMs, () => sleep(windowMs))
    return this
  }

  async measure(windowMs, work) {
    let items
    const before = await this.#bytes()
    const { cpu } = await this.#meter.measure('evalsha', windowMs * 1_000, async () => {
      items = await work()
    })
    const after = await this.#bytes()
    return {
      items,
      cores: cpu - this.#nothing.cores,
      inBytes: after.inBytes - before.inBytes - this.#nothing.inBytes,
      outBytes: after.outBytes - before.outBytes - this.#nothing.outBytes,
    }
  }

  async #bytes() {
    const stats = await this.#redis.info('stats')
    const total = (way) => Number(new RegExp(`^total_net_${way}_bytes:(\\d+)`, 'm').exec(stats)[1])
    return { inBytes: total('input'), outBytes: total('output') }
  }
}

const NAMES = { renewal: 'a renewal', audit: 'a connection in an audit', pair: 'a connection that comes and goes' }

function unitTable(alone, windowMs) {
  const rows = Object.entries(alone).map(([kind, { items, cores, inBytes, outBytes }]) => [
    NAMES[kind],
    ((cores * windowMs * 1_000) / items).toFixed(2),
    (inBytes / items).toFixed(0),
    (outBytes / items).toFixed(0),
  ])
  return table([['each by itself', 'µs of Redis', 'bytes in', 'bytes out'], ...rows])
}

function compared({ memoryBytes, together, model: { redis }, windowMs }) {
  const seconds = windowMs / 1_000
  const megabits = (bits) => bits / 1e6
  const rows = [
    ['memory, MiB', memoryBytes / 2 ** 20, redis.memoryBytes / 2 ** 20, MOST_OFF.memory],
    ['CPU, % of a core', 100 * together.cores, 100 * redis.cpuShare, MOST_OFF.cpu],
    ['to Redis, Mbit/s', megabits((8 * together.inBytes) / seconds), megabits(redis.receivesBitsPerSecond)],
    ['from Redis, Mbit/s', megabits((8 * together.outBytes) / seconds), megabits(redis.sendsBitsPerSecond)],
  ]
  return rows.map(([what, measured, said, most]) => {
    const ratio = measured / said
    return { what, ratio, most, cells: [what, measured.toFixed(2), said.toFixed(2), `${ratio.toFixed(2)}×`] }
  })
}
