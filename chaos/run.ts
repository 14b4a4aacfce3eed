import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Crowd } from './clients/crowd.js'
import { allFaults } from './faults/all.js'
import type { Fault } from './faults/fault.js'
import { Log } from './log.js'
import { Operator } from './operator.js'
import type { ChaosRecord, RunHeader, Terms } from './records.js'
import type { RedisKind } from './redis-side.js'
import { play, schedule } from './schedule.js'
import { Stage } from './stage.js'

export interface RunOptions {
  readonly minutes: number
  readonly seed: number
  readonly nodes: number
  readonly clients: number
  readonly orgs: number
  readonly terms: Terms
  /** The program of the nodes. */
  readonly script: string
  readonly faults?: readonly Fault[]
  readonly redis?: RedisKind
  /** Some clients name their instance; every node that holds such a connection renews every half second. */
  readonly instances?: boolean
  /** A control: nodes that share no keys. */
  readonly apart?: boolean
  readonly tell?: (line: string) => void
}

export interface Run {
  readonly header: RunHeader
  readonly records: readonly ChaosRecord[]
  /** What the nodes that ran last had logged. */
  readonly said: string
}

const RSS_EVERY_MS = 5_000
const PAGE_BYTES = 4_096

/** Builds a cluster, lets clients and faults loose on it, and returns what was seen. Nothing of it is left. */
export async function run(options: RunOptions): Promise<Run> {
  const { minutes, seed, nodes, clients, terms, script, redis = 'single', instances = false, tell = () => {} } = options
  const orgs = Array.from({ length: options.orgs }, (_, i) => `org-${i + 1}`)
  const header = { seed, minutes, nodes, clients, orgs, terms, redis }
  const log = new Log()
  const stage = await Stage.create({ log, terms, nodes, orgs, script, redis, apart: options.apart ?? false })
  try {
    await stage.start()
    tell(`${nodes} nodes admit after ${seconds(log.nowMs())}`)
    const operator = new Operator(stage, orgs, seed)
    await operator.setAll()
    await stage.redis.cluster?.learn(orgs)
    const crowd = new Crowd({ log, seed, size: clients, orgs, urls: stage.nodes.map(({ url }) => url), instances })
    log.startLagProbe()
    const memory = setInterval(() => void noteMemory(stage, log), RSS_EVERY_MS)
    crowd.start()
    operator.start()
    const untilMs = log.nowMs() + minutes * 60_000
    const told = tellFaults(log, tell)
    const faults = (options.faults ?? allFaults).filter(({ possible }) => possible?.(stage) ?? true)
    await play(stage, schedule({ seed, faults, nodes, terms }), untilMs)
    await sleep(Math.max(0, untilMs - log.nowMs()))
    clearInterval(told)
    await operator.stop()
    await end(stage, crowd, log, tell)
    clearInterval(memory)
    log.stopLagProbe()
    return { header, records: log.records, said: stage.nodes.map(({ server }) => server.output()).join('\n') }
  } finally {
    await stage.destroy()
  }
}

/** Everybody keeps what they have until Redis says the same; then all close, until Redis has nothing. */
async function end(stage: Stage, crowd: Crowd, log: Log, tell: (line: string) => void): Promise<void> {
  tell(`${seconds(log.nowMs())} faults are over; comparing`)
  crowd.stopKnocking()
  log.write({ is: 'calm' })
  const patienceMs = 2 * stage.terms.auditMs + 5_000
  await within(patienceMs, async (last) => {
    const [inStore, inClients] = [new Set(await stage.slots()), new Set(crowd.heldIds)]
    const onlyInStore = [...inStore].filter((id) => !inClients.has(id))
    const onlyInClients = [...inClients].filter((id) => !inStore.has(id))
    const agree = onlyInStore.length + onlyInClients.length === 0
    if (agree || last) log.write({ is: 'compared', onlyInStore, onlyInClients })
    return agree
  })
  await crowd.leave()
  log.write({ is: 'all-closed' })
  await within(patienceMs, async (last) => {
    const slotsLeft = (await stage.slots()).length
    if (slotsLeft === 0 || last) log.write({ is: 'emptied', slotsLeft })
    return slotsLeft === 0
  })
}

async function within(ms: number, done: (last: boolean) => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + ms
  for (;;) {
    const last = performance.now() >= deadlineMs
    if ((await done(last)) || last) return
    await sleep(250)
  }
}

/** Linux alone tells it so; elsewhere nothing is written down. */
async function noteMemory(stage: Stage, log: Log): Promise<void> {
  for (const { number: node, server } of stage.nodes) {
    const pid = server.pid
    const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')
    const pages = Number(statm.split(' ')[1])
    if (pages > 0) log.write({ is: 'rss', node, pid, bytes: pages * PAGE_BYTES })
  }
}

function tellFaults(log: Log, tell: (line: string) => void): NodeJS.Timeout {
  let seen = 0
  return setInterval(() => {
    for (const record of log.records.slice(seen)) {
      if (record.is === 'fault' && record.phase === 'begin') tell(`${seconds(record.t)} ${record.name}`)
    }
    seen = log.records.length
  }, 1_000)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(6)} s`
}
