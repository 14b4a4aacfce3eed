import { Redis } from 'ioredis'
import { add, turned } from './admission-rounds.mjs'
import { apart } from './apart.mjs'
import { headcount } from './headcount.mjs'
import { embedded } from './limiter.mjs'
import { quantile } from './meter.mjs'
import { plot } from './plot.mjs'
import { attempts, population } from './population.mjs'
import { forget, PREFIX } from './prefix.mjs'
import { machineFacts } from './report.mjs'
import { bottleneck } from './rivals/bottleneck.mjs'
import { counter } from './rivals/counter.mjs'
import { emptyBatched } from './rivals/empty-batched.mjs'
import { emptyScript } from './rivals/empty-script.mjs'
import { expiryZset } from './rivals/expiry-zset.mjs'
import { redisSemaphore } from './rivals/redis-semaphore.mjs'
import { semaphoreClass } from './rivals/semaphore-class.mjs'
import { settings } from './settings.mjs'
import { throughputGoals, throughputTable } from './throughput-report.mjs'

/** Pairs in flight, and how many of them make a sample. */
const LOADS = [
  { inFlight: 512, pairs: 10_000 },
  { inFlight: 1, pairs: 1_000 },
]
const ROUNDS = { full: 15, quick: 5 }

/**
 * What one Node process gets done from end to end: pairs of acquire and release a second, how long the acquire takes,
 * and the CPU of this process and of Redis. The same client for all, one connection each, in interleaved rounds.
 */
export async function run({ url, flags }) {
  const scale = settings(flags)
  const plain = new Redis(url)
  const pipelined = new Redis(url, { enableAutoPipelining: true })
  const wiring = { plain, pipelined, prefix: PREFIX }
  const prefix = `${PREFIX}hc:`
  const cluster = await headcount({ url, prefix, nodes: scale.nodes })
  const empty = emptyScript(wiring)
  const queue = bottleneck({ plain, prefix: PREFIX })
  const rivals = [redisSemaphore(wiring), expiryZset(wiring), counter(wiring)]
  const closing = [cluster, queue]
  try {
    const orgs = population(scale)
    for (const system of [cluster, ...rivals, queue]) await system.populate(orgs)
    const ours = await embedded({ url, prefix, limit: scale.connectionsPerOrg + 1 })
    closing.push(ours)
    const systems = [
      { ...empty, release: empty.acquire },
      { ...autopipelined(wiring), name: 'the same, autopipelined' },
      emptyBatched(wiring),
      ours,
      ...rivals,
      semaphoreClass(wiring),
      queue,
    ]
    const facts = await machineFacts(plain)
    console.log(facts)
    const count = flags.quick ? ROUNDS.quick : ROUNDS.full
    const samples = await rounds(systems, { scale, count, redis: plain, cluster })
    for (const { inFlight } of LOADS) {
      console.log(`\n${inFlight} in flight\n`)
      console.log(throughputTable(systems, samples, inFlight))
    }
    const units = { perSecond: 'pairs a second', clientUs: 'µs of CPU of the client a pair' }
    await plot({
      flags,
      name: 'bench-throughput',
      title: 'Pairs of acquire and release, end to end through one client',
      rows: systems.map(({ name }) => name),
      panels: Object.entries(units).flatMap(([kind, unit]) =>
        LOADS.map(({ inFlight }) => ({ title: `${inFlight} in flight`, kind, unit, inFlight })),
      ),
      across: LOADS.length,
      of: (row, { inFlight }) => samples.get(`${row} ${inFlight}`),
      caption: [facts, `Medians of ${count} interleaved rounds.`],
    })
    return throughputGoals(samples)
  } finally {
    await Promise.all(closing.map((one) => one.close()))
    if (process.env.BENCH_REDIS_URL) await forget(plain)
    plain.disconnect()
    pipelined.disconnect()
  }
}

function autopipelined(wiring) {
  const { acquire } = emptyScript({ ...wiring, plain: wiring.pipelined })
  return { acquire, release: acquire }
}

async function rounds(systems, { scale, count, redis, cluster }) {
  const samples = new Map()
  for (let round = -1; round < count; round++) {
    for (const { inFlight, pairs } of LOADS) {
      for (const system of turned(systems, round + 1)) {
        const { orgs = scale.orgs } = system
        const asked = { start: (round + 1) * 997, turn: 0, count: Math.min(pairs, orgs), size: 1 }
        const calls = attempts({ ...scale, orgs }, asked)
        // The leases that hold the population must not lapse: a late node makes refusals dearer.
        await cluster.renewAll()
        const together = inFlight > 1 ? () => {} : await apart(redis)
        const sample = await measure(system, calls, inFlight, redis)
        together()
        if (round >= 0) add(samples, `${system.name} ${inFlight}`, sample)
      }
    }
  }
  return samples
}

/**
 * A worker goes on when it has been admitted and has asked for the release; the sample ends when all is confirmed. One alone
 * waits for the release too, since two calls would be in flight else.
 */
async function measure(system, calls, inFlight, redis) {
  const tookMs = []
  const releases = []
  let next = 0
  const worker = async () => {
    while (next < calls.length) {
      const call = calls[next++]
      const askedAtMs = performance.now()
      expectYes(system, await system.acquire(call))
      tookMs.push(performance.now() - askedAtMs)
      releases.push(system.release(call))
      if (inFlight > 1) continue
      expectYes(system, await releases.pop())
      await system.settled?.()
    }
  }
  const redisBefore = await redisCpuUs(redis)
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  await Promise.all(Array.from({ length: inFlight }, worker))
  for (const answer of await Promise.all(releases)) expectYes(system, answer)
  await system.settled?.()
  const elapsedMs = performance.now() - startMs
  const { user, system: kernel } = process.cpuUsage(cpuBefore)
  return {
    perSecond: (calls.length / elapsedMs) * 1_000,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
    clientUs: (user + kernel) / calls.length,
    redisUs: ((await redisCpuUs(redis)) - redisBefore) / calls.length,
  }
}

function expectYes({ name }, [answer]) {
  if (answer !== true) throw new Error(`${name}: a wrong answer`)
}

async function redisCpuUs(redis) {
  const cpu = await redis.info('cpu')
  const seconds = (kind) => Number(new RegExp(`^used_cpu_${kind}:([\\d.]+)`, 'm').exec(cpu)[1])
  return 1e6 * (seconds('user') + seconds('sys'))
}
