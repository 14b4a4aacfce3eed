import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startChild } from './child.mjs'
import { CONTENDERS } from './contenders.mjs'
import { PREFIX } from './prefix.mjs'
import { benchRedis } from './redis-server.mjs'
import { machineFacts, table } from './report.mjs'

const LIMIT = 3
const [NODES, ATTEMPTS_A_NODE] = [4, 50]
const [TTL_MS, BEAT_MS] = [4_000, 500]
/** So long after a death or a loss everybody has had the time to notice. */
const CALM_MS = TTL_MS + 3 * BEAT_MS
const STORMS = { full: 50, quick: 10 }

/**
 * What each does when it counts: how far it lets an org beyond its limit, and what it leaks. Nodes are processes of their
 * own; what one was granted it keeps, and closes when it is told that the slot is lost.
 */
export async function run({ flags }) {
  const storms = flags.quick ? STORMS.quick : STORMS.full
  // Of its own, whatever the environment says: it is emptied.
  const server = await benchRedis({})
  const redis = new Redis(server.url)
  try {
    console.log(await machineFacts(redis))
    const verdicts = []
    for (const name of Object.keys(CONTENDERS)) verdicts.push(await judge({ name, url: server.url, redis, storms }))
    console.log(`\nan org with a limit of ${LIMIT}; slots and beats of ${TTL_MS / 1_000} s and ${BEAT_MS / 1_000} s\n`)
    console.log(report(verdicts, storms))
    const [ours] = verdicts
    const wrongs = Object.entries(ours).filter(([what, count]) => what !== 'name' && count !== 0)
    const text = `headcount: ${wrongs.length === 0 ? 'nothing beyond the limit, nothing leaked' : JSON.stringify(wrongs)}`
    return [{ text, met: wrongs.length === 0 }]
  } finally {
    redis.disconnect()
    await server.stop()
  }
}

async function judge({ name, url, redis, storms }) {
  const children = []
  const start = async (more = {}) => {
    const settings = { name, url, prefix: PREFIX, ttlMs: TTL_MS, beatMs: BEAT_MS, ...more }
    const child = startChild('contender.mjs', settings)
    children.push(child)
    await child.ask('ready')
    return child
  }
  const storm = (child, org, attempts, limit = LIMIT) => child.ask('storm', { org, limit, attempts })
  const take = async (child, org, attempts = LIMIT, limit = LIMIT) => (await storm(child, org, attempts, limit)).granted
  // What one leaks, another of its kind would find.
  await redis.flushall()
  try {
    const nodes = await Promise.all(Array.from({ length: NODES }, () => start()))
    let [beyond, worst, waiting] = [0, 0, 0]
    for (let turn = 0; turn < storms; turn++) {
      const answers = await Promise.all(nodes.map((node) => storm(node, `storm-${turn}`, ATTEMPTS_A_NODE)))
      const sum = (what) => answers.reduce((total, answer) => total + answer[what], 0)
      const excess = sum('granted') - LIMIT
      waiting = Math.max(waiting, sum('waiting'))
      if (excess < 0) throw new Error(`${name}: an org was full with ${excess + LIMIT} of ${LIMIT}`)
      if (excess > 0) beyond++
      worst = Math.max(worst, excess)
    }
    return {
      name,
      beyond,
      worst,
      waiting,
      ...(await leakedByDeath(start, nodes[0], take)),
      ahead: await aheadOfTime(start, nodes[0], take),
      ...(await flushed(redis, nodes, take)),
    }
  } finally {
    await Promise.all(children.map((child) => child.stop('SIGKILL')))
  }
}

/** One of the org's connections lives on elsewhere, as they do: what keeps its slot alive may keep those of the dead. */
async function leakedByDeath(start, survivor, take) {
  const org = 'killed'
  const dying = await start()
  const limit = LIMIT + 1
  const granted = (await take(survivor, org, 1, limit)) + (await take(dying, org, LIMIT, limit))
  if (granted !== limit) throw new Error(`${granted} of ${limit} granted`)
  await dying.stop('SIGKILL')
  await sleep(CALM_MS)
  const bystander = await survivor.ask('lost', { org })
  return { leaked: LIMIT - (await take(survivor, org, LIMIT, limit)), bystander }
}

/** A node whose clock is ahead by more than a slot lives. */
async function aheadOfTime(start, holder, take) {
  const org = 'ahead'
  await take(holder, org)
  return take(await start({ aheadMs: 2 * TTL_MS }), org)
}

/** The connections stay open, whatever the store forgets, unless their node is told that they have lost their slots. */
async function flushed(redis, [holder, other], take) {
  const org = 'flushed'
  const granted = await take(holder, org)
  if (granted !== LIMIT) throw new Error(`${granted} of ${LIMIT} granted`)
  await redis.flushall()
  const atOnce = await take(other, org)
  await sleep(CALM_MS)
  const later = atOnce + (await take(other, org))
  const [kicked, kickedLater] = await Promise.all([holder, other].map((node) => node.ask('lost', { org })))
  return { atOnce, kicked, stays: later - kicked - kickedLater }
}

function report(verdicts, storms) {
  const head = [
    '',
    `storms of ${NODES * ATTEMPTS_A_NODE} beyond it`,
    'by, at most',
    'left without an answer, at most',
    `leaked after kill -9, of ${LIMIT}`,
    'kicked beside them, of 1',
    'beyond it by a clock that is ahead',
    'beyond it at once after FLUSHALL',
    `kicked, of ${LIMIT}`,
    'beyond it for good',
  ]
  const rows = verdicts.map(({ name, beyond, ...counts }) => [name, `${beyond} of ${storms}`, ...shown(counts)])
  return table([head, ...rows])
}

function shown({ worst, waiting, leaked, bystander, ahead, atOnce, kicked, stays }) {
  return [worst, waiting, leaked, bystander, ahead, atOnce, kicked, stays].map(String)
}
