import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisKeys } from '../dist/store/redis/keys.js'
import { startChild } from './child.mjs'
import { median, quantile } from './meter.mjs'
import { PREFIX } from './prefix.mjs'
import { benchRedis } from './redis-server.mjs'
import { machineFacts, table } from './report.mjs'

const LIMIT = 3
const BYSTANDERS = Array.from({ length: 2_000 }, (_, i) => `bystander-${i}`)
const CALM_MS = 4_000
const LOOK_AGAIN_MS = 5
/** A call that takes Redis longer is in its slow log. */
const SLOW_US = 500
const SCALES = {
  full: { rounds: 3, orgs: 3_334, perSecond: 1_000, leaseTtlMs: 15_000, renewIntervalMs: 3_000 },
  quick: { rounds: 1, orgs: 3_334, perSecond: 1_000, leaseTtlMs: 4_000, renewIntervalMs: 500 },
}
/** What two processes need to hear of each other on a machine that is busy with both. */
const SLACK_MS = 250

/**
 * A node with 10,000 connections is killed; another one, with admissions of other orgs all the time, takes note of it.
 * When are the slots free, when is the last of them swept, and what do those others notice?
 */
export async function run({ flags }) {
  const scale = flags.quick ? SCALES.quick : SCALES.full
  const server = await benchRedis({})
  const redis = new Redis(server.url)
  const { leaseTtlMs, renewIntervalMs } = scale
  const settings = {
    url: server.url,
    prefix: PREFIX,
    limit: LIMIT,
    timing: { leaseTtlMs, renewIntervalMs, storeTimeoutMs: 500 },
  }
  const bystander = startChild('reclaim-node.mjs', settings)
  try {
    await bystander.ask('ready')
    await redis.config('SET', 'slowlog-log-slower-than', SLOW_US)
    console.log(await machineFacts(redis))
    const deaths = []
    for (let round = 0; round < scale.rounds; round++)
      deaths.push(await death({ bystander, settings, redis, scale, round }))
    console.log(
      `\n${deaths[0].held} connections of ${scale.orgs} orgs die with their node; medians of ${scale.rounds} rounds\n`,
    )
    console.log(report(deaths, scale))
    return goals(deaths, scale)
  } finally {
    await bystander.stop()
    redis.disconnect()
    await server.stop()
  }
}

async function death({ bystander, settings, redis, scale, round }) {
  const orgs = Array.from({ length: scale.orgs }, (_, i) => `dying-${round}-${i}`)
  const holder = startChild('reclaim-node.mjs', settings)
  await holder.ask('ready')
  const held = await holder.ask('hold', { orgs })
  await bystander.ask('start', { orgs: BYSTANDERS, perSecond: scale.perSecond })
  await sleep(CALM_MS)
  await redis.slowlog('RESET')
  const killedAtMs = nowMs()
  await holder.stop('SIGKILL')
  const [freeAtMs, swept] = await Promise.all([bystander.ask('untilFree', { org: orgs[0] }), sweeping(redis)])
  const looks = await bystander.ask('stop')
  const refused = looks.find(([, , answer]) => answer !== 'ADMITTED')
  if (refused) throw new Error(`a bystander was told ${refused[2]}`)
  const between = (fromMs, toMs) => looks.filter(([atMs]) => atMs >= fromMs && atMs <= toMs).map(([, tookMs]) => tookMs)
  const slow = await redis.slowlog('GET', 128)
  return {
    held,
    freeMs: freeAtMs - killedAtMs,
    sweepMs: swept.endMs - swept.startMs,
    longestCallMs: Math.max(SLOW_US, ...slow.map(([, , tookUs]) => tookUs)) / 1_000,
    calm: between(killedAtMs - CALM_MS / 2, killedAtMs),
    during: between(swept.startMs - 10, swept.endMs + 10),
  }
}

/** Resolves to when the lease was declared dead, and when nothing was left of it. */
async function sweeping(redis) {
  const { dead } = redisKeys(PREFIX)
  const until = async (isThere) => {
    while ((await redis.exists(dead)) !== isThere) await sleep(LOOK_AGAIN_MS)
    return nowMs()
  }
  const startMs = await until(1)
  return { startMs, endMs: await until(0) }
}

function report(deaths, { leaseTtlMs, renewIntervalMs }) {
  const of = (read) => median(deaths.map(read))
  const figure = (share, part) => of((one) => quantile(one[part], share)).toFixed(2)
  const highest = (part) => of((one) => Math.max(...one[part])).toFixed(2)
  return [
    `slots free after the kill: ${(of(({ freeMs }) => freeMs) / 1_000).toFixed(2)} s (lease ${leaseTtlMs / 1_000} s, renewed every ${renewIntervalMs / 1_000} s)`,
    `all swept: ${of(({ sweepMs }) => sweepMs).toFixed(0)} ms after the lease was declared dead`,
    `longest call in Redis meanwhile: ${of(({ longestCallMs }) => longestCallMs).toFixed(2)} ms (what is below ${SLOW_US / 1_000} ms is not told apart)`,
    '',
    table([
      ['admissions of others on the node that sweeps', 'count', 'p50, ms', 'p99, ms', 'longest, ms'],
      ...[
        ['before', 'calm'],
        ['during the sweep', 'during'],
      ].map(([name, part]) => [
        name,
        of((one) => one[part].length).toFixed(0),
        figure(0.5, part),
        figure(0.99, part),
        highest(part),
      ]),
    ]),
  ].join('\n')
}

function goals(deaths, { leaseTtlMs, renewIntervalMs }) {
  const latestMs = Math.max(...deaths.map(({ freeMs }) => freeMs))
  const longestMs = Math.max(...deaths.map(({ longestCallMs }) => longestCallMs))
  const boundMs = leaseTtlMs + 1.1 * renewIntervalMs + SLACK_MS
  return [
    {
      text: `slots free ${(latestMs / 1_000).toFixed(2)} s after the kill at the latest, at most ${boundMs / 1_000}`,
      met: latestMs <= boundMs,
    },
    { text: `longest call in Redis ${longestMs.toFixed(2)} ms, at most 2`, met: longestMs <= 2 },
  ]
}

function nowMs() {
  return performance.timeOrigin + performance.now()
}
