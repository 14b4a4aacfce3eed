import { setTimeout as wait } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { seconds } from '../options/numbers.js'
import { refreshing } from '../terminal/screen.js'
import { DemoCluster } from './cluster.js'
import { type DemoOrg, demoOrgs } from './orgs.js'
import { introduction, type OrgCount, summary } from './summary.js'
import type { DemoTraffic } from './traffic.js'

interface DemoOptions {
  readonly redis?: string
  readonly killEvery: number
}

const DRAW_EVERY_MS = 2_000
/** A node that was killed stays away for longer than its lease and one renewal: its slots are seen to come back. */
const AWAY_MS = 10_000

/** Adds `demo`: three nodes, lively traffic, and a node that is killed now and then. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run three nodes with lively traffic on this machine, to see what a limit over a cluster is')
    .addOption(
      new Option('--redis <url>', 'Redis to use; a redis-server of the demo’s own where absent').env('REDIS_URL'),
    )
    .option('--kill-every <seconds>', 'how long all nodes run until one is killed; 0 for never', seconds(0, 86_400), 30)
    .action(demo)
}

async function demo({ redis, killEvery }: DemoOptions): Promise<void> {
  const orgs = demoOrgs()
  process.stderr.write('headcount: starting the demo…\n')
  // The processes of the demo end in order, so no Ctrl-C may end this one before them.
  let interrupted = false
  const interrupt = () => {
    interrupted = true
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  const { DemoTraffic } = await import('./traffic.js')
  const cluster = await DemoCluster.start(orgs, redis)
  if (interrupted) return cluster.stop()
  if (!process.stdout.isTTY) process.stdout.write(`${introduction(cluster)}\n`)
  const over = new AbortController()
  const traffic = new DemoTraffic(orgs, () => anyOf(cluster.nodes.filter((node) => node.process.running)).url)
  const accidents =
    killEvery > 0 && cluster.shared ? killNowAndThen(cluster, killEvery * 1_000, over.signal) : undefined
  try {
    await refreshing(DRAW_EVERY_MS, async () => ({ text: await page(cluster, traffic, orgs), code: 0 }))
  } finally {
    over.abort()
    await accidents
    await traffic.stop()
    await cluster.stop()
  }
}

async function page(cluster: DemoCluster, traffic: DemoTraffic, orgs: readonly DemoOrg[]): Promise<string> {
  // Drawn over itself on a terminal; elsewhere the introduction is printed once.
  const above = process.stdout.isTTY ? `${introduction(cluster)}\n` : ''
  return `${above}${summary(cluster, traffic, orgs, await countOrgs(cluster))}\n`
}

/** What the store says of every org, from any node that answers; all of them fit on one page. */
async function countOrgs(cluster: DemoCluster): Promise<OrgCount[] | undefined> {
  for (const { adminUrl, process: node } of cluster.nodes) {
    if (!node.running) continue
    const headers = { authorization: `Bearer ${cluster.adminToken}` }
    const signal = AbortSignal.timeout(DRAW_EVERY_MS)
    try {
      const response = await fetch(`${adminUrl}/admin/v1/orgs`, { headers, signal })
      if (response.ok) return ((await response.json()) as { orgs: OrgCount[] }).orgs
    } catch {
      // It may be killed at any moment, also while it answers.
    }
  }
  return undefined
}

async function killNowAndThen(cluster: DemoCluster, everyMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await wait(everyMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    // The first is the one whose dashboard is being looked at.
    const victim = anyOf(cluster.nodes.slice(1))
    cluster.kill(victim)
    await wait(AWAY_MS, undefined, { signal }).catch(() => {})
    if (!signal.aborted) await cluster.restart(victim)
  }
}

function anyOf<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!
}
