import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { EventBus } from '../dist/core/events.js'
import { Sweeper } from '../dist/node/lease/sweeper.js'
import { add } from './admission-rounds.mjs'
import { audits, renewals } from './calm.mjs'
import { medianOf } from './goals.mjs'
import { headcount, value } from './headcount.mjs'
import { Meter } from './meter.mjs'
import { population } from './population.mjs'
import { benchRedis } from './redis-server.mjs'
import { machineFacts, table } from './report.mjs'
import { Stalls } from './stalls.mjs'

const PREFIX = 'hc:1:'
const FULL = { nodes: 20, orgs: 33_334, connectionsPerOrg: 3, windowMs: 15_000, rounds: 5 }
const QUICK = { ...FULL, windowMs: 6_000, rounds: 2 }
/** What a dead node leaves: 10,002 connections of as many orgs as hold them three by three. */
const DEAD = { orgs: 3_334, connectionsPerOrg: 3 }

/** So often that one moment in which the machine has no time for Redis does not decide. */
const SWEEPS = 3

const MOST_SHARE_PERCENT = 0.1
const MOST_STALL_MS = 2

/**
 * What Redis does, and for how long at a time, while nothing happens: 100,000 connections over 20 leases that renew as
 * nodes do. Beside it the same Redis left alone, in windows that take turns, since a Redis that is left alone works too.
 * Then what a dead node has left is swept.
 */
export async function run({ flags }) {
  const scale = flags.quick ? QUICK : FULL
  const server = await benchRedis({})
  const redis = new Redis(server.url)
  const ours = await headcount({ url: server.url, prefix: PREFIX, nodes: scale.nodes })
  try {
    console.log(await machineFacts(redis))
    const connections = scale.orgs * scale.connectionsPerOrg
    console.log(
      `${connections} connections in ${scale.orgs} orgs over ${scale.nodes} leases; ${scale.rounds} windows each`,
    )
    await ours.populate(population(scale))
    const meter = new Meter(redis)
    const stalls = new Stalls(redis)
    await meter.calibrate()
    const samples = await windows({ ours, meter, stalls, scale })
    const sweeps = []
    for (let n = 0; n < SWEEPS; n++)
      sweeps.push(await sweepOfTheDead({ url: server.url, prefix: `hc:dead-${n}:`, redis, stalls }))
    console.log(`\n${report(samples, sweeps)}`)
    return goals(samples, sweeps)
  } finally {
    await ours.close()
    redis.disconnect()
    await server.stop()
  }
}

/** Each kind of window in turn; what is measured of it is kept as a share of a core. */
async function windows({ ours, meter, stalls, scale }) {
  const kinds = {
    'left alone': () => sleep(scale.windowMs),
    renewals: () => renewals(ours, scale, scale.windowMs),
    'renewals and audits': () => Promise.all([kinds.renewals(), audits(ours, scale, scale.windowMs)]),
  }
  const samples = new Map()
  for (let round = 0; round < scale.rounds; round++) {
    for (const [kind, work] of Object.entries(kinds)) {
      // A window of nothing must not be one in which leases lapse.
      await ours.renewAll()
      await stalls.forget()
      const sample = await meter.measure('evalsha', scale.windowMs * 1_000, work)
      add(samples, kind, { ...sample, longestMs: await stalls.longestMs() })
    }
  }
  return samples
}

/** A node gives up its lease with all that it holds, as if declared dead, and another node's sweeper clears that away. */
async function sweepOfTheDead({ url, prefix, redis, stalls }) {
  const leaving = await headcount({ url, prefix, nodes: 1 })
  const survivor = await headcount({ url, prefix, nodes: 1 })
  try {
    await leaving.populate(population(DEAD))
    const { connection, fenceOf } = leaving.wiring
    value(await connection.leave(fenceOf({ node: 0 })))
    const { dead } = value(await survivor.wiring.connection.renew(survivor.wiring.fenceOf({ node: 0 })))
    await stalls.forget()
    await redis.config('RESETSTAT')
    const swept = await sweep(survivor, dead)
    const calls = Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await redis.info('commandstats'))[1])
    return { ...swept, calls, longestMs: await stalls.longestMs() }
  } finally {
    await Promise.all([leaving.close(), survivor.close()])
  }
}

/** By the sweeper of a node itself. Resolves to how many connections it found, and in what time. */
async function sweep({ wiring: { connection, fenceOf } }, dead) {
  const events = new EventBus()
  const session = { call: (say) => say(connection, fenceOf({ node: 0 })) }
  const start = performance.now()
  const { connections } = await new Promise((resolve) => {
    events.on('lease.swept', resolve)
    new Sweeper(events).take(session, dead)
  })
  return { connections, tookMs: performance.now() - start }
}

/** The CPU of Redis in the windows of a kind beyond what it takes when it is left alone. */
function percentOf(samples, kind) {
  return 100 * (medianOf(samples.get(kind), 'cpu') - medianOf(samples.get('left alone'), 'cpu'))
}

function report(samples, sweeps) {
  const percent = (share) => `${(100 * share).toFixed(3)} %`
  const rows = [...samples].map(([kind, windows]) => [
    kind,
    percent(medianOf(windows, 'script')),
    percent(medianOf(windows, 'cpu')),
    kind === 'left alone' ? '' : `${percentOf(samples, kind).toFixed(3)} %`,
    ...longestOf(windows),
  ])
  const [{ connections, calls }] = sweeps
  const head = ['of a core', 'in the script', 'all CPU', 'beyond left alone', 'longest stall, ms', 'worst of all, ms']
  return [
    table([head, ...rows]),
    '',
    `a dead lease with ${connections} connections in ${DEAD.orgs} orgs is swept in ${calls} calls within ` +
      `${medianOf(sweeps, 'tookMs').toFixed(0)} ms; the longest call takes ${longestOf(sweeps).join(', at the worst ')} ms`,
  ].join('\n')
}

/** Of the longest of each round the median and the worst: the wall clock has in it what the machine did meanwhile. */
function longestOf(rounds) {
  return [medianOf(rounds, 'longestMs'), Math.max(...rounds.map(({ longestMs }) => longestMs))].map((ms) =>
    ms.toFixed(2),
  )
}

function goals(samples, sweeps) {
  const share = percentOf(samples, 'renewals')
  const renewalMs = medianOf(samples.get('renewals'), 'longestMs')
  const sweepMs = medianOf(sweeps, 'longestMs')
  return [
    {
      text: `renewals of 100,000 connections take ${share.toFixed(3)} % of a core, at most ${MOST_SHARE_PERCENT} %`,
      met: share <= MOST_SHARE_PERCENT,
    },
    {
      text: `the longest stall while they renew: ${renewalMs.toFixed(2)} ms, at most ${MOST_STALL_MS}`,
      met: renewalMs <= MOST_STALL_MS,
    },
    {
      text: `the longest step of a sweep: ${sweepMs.toFixed(2)} ms, at most ${MOST_STALL_MS}`,
      met: sweepMs <= MOST_STALL_MS,
    },
  ]
}
