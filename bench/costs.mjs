import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Redis } from 'ioredis'
import { admissionRounds } from './admission-rounds.mjs'
import { allScopes, furtherCosts } from './further-costs.mjs'
import { goals } from './goals.mjs'
import { headcount } from './headcount.mjs'
import { idleRounds } from './idle-rounds.mjs'
import { Meter } from './meter.mjs'
import { plot } from './plot.mjs'
import { population } from './population.mjs'
import { forget, PREFIX } from './prefix.mjs'
import { admissionColumns, admissionTable, furtherTable, idleTable, machineFacts, scaleFacts } from './report.mjs'
import { bottleneck } from './rivals/bottleneck.mjs'
import { counter } from './rivals/counter.mjs'
import { emptyScript } from './rivals/empty-script.mjs'
import { expiryZset } from './rivals/expiry-zset.mjs'
import { redisSemaphore } from './rivals/redis-semaphore.mjs'
import { settings } from './settings.mjs'

/** What admissions and idle connections cost Redis: headcount beside what people use today. */
export async function run({ url, flags }) {
  const scale = settings(flags)
  const plain = new Redis(url)
  const pipelined = new Redis(url, { enableAutoPipelining: true })
  const wiring = { plain, pipelined, prefix: PREFIX }
  const ours = await headcount({ url, prefix: `${PREFIX}hc:`, nodes: scale.nodes })
  // The control for idle cost: as many nodes, without one connection.
  const emptyNodes = await headcount({ url, prefix: `${PREFIX}empty:`, nodes: scale.nodes })
  // Limits that are not asked for cost nothing, but their sets make Redis larger: they have a population of their own.
  const extended = await headcount({ url, prefix: `${PREFIX}further:`, nodes: scale.nodes, scopesOf: allScopes })
  const older = flags.against === undefined ? [] : [await headcountOf(flags.against, url, scale.nodes)]
  const stores = [ours, extended, ...older]
  const further = furtherCosts(extended)
  const rivals = [redisSemaphore(wiring), expiryZset(wiring), counter(wiring)]
  // Its connections do not beat, its limiters do: it has no part in what idle connections cost.
  const queue = bottleneck(wiring)
  const systems = [emptyScript(wiring), ours, ...rivals, queue]
  try {
    const facts = await machineFacts(plain)
    console.log(facts)
    console.log(scaleFacts(scale))
    const orgs = population(scale)
    for (const system of [...systems, extended, ...older]) await system.populate(orgs)

    const meter = new Meter(plain)
    await meter.calibrate()
    // Nobody's lease may lapse while others are measured: a late node makes refusals dearer.
    const beforeEach = () => Promise.all(stores.map((store) => store.renewAll()))
    const admission = await admissionRounds({ systems: [...systems, ...further, ...older], meter, scale, beforeEach })
    const idle = await idleRounds({ systems: rivals, ours, emptyNodes, meter, scale })

    console.log(`\nµs of Redis an item, inside the command (INFO commandstats)\n`)
    console.log(admissionTable(systems, admission, scale, 'script'))
    console.log(`\nµs of Redis an item, all CPU of its thread: parsing, sockets and replies too (INFO cpu)\n`)
    console.log(admissionTable(systems, admission, scale, 'cpu'))
    for (const kind of ['script', 'cpu']) {
      const where = kind === 'script' ? 'inside the command' : 'all CPU'
      console.log(
        `\nµs of Redis an item, ${where}, with one thing more each; (n×) = multiple of headcount's own row above\n`,
      )
      console.log(furtherTable([...further, ...older], admission, scale, kind))
    }
    console.log(`\nµs of Redis an idle connection and minute\n`)
    console.log(idleTable(rivals, idle, scale))
    for (const [kind, name, where] of [
      ['script', 'bench-costs-command', 'in the command'],
      ['cpu', 'bench-costs-cpu', 'all CPU'],
    ]) {
      await plot({
        flags,
        name,
        title: `What an admission costs Redis, ${where}`,
        across: 3,
        rows: systems.map(({ name }) => name),
        panels: admissionColumns(scale).map(({ key, head }) => ({
          title: head,
          kind,
          unit: 'µs of Redis an item',
          key,
        })),
        of: (row, { key }) => admission.get(`${row} ${key}`),
        caption: [facts, `Medians of ${scale.rounds} interleaved rounds.`],
      })
    }
    return goals(admission, idle)
  } finally {
    if (process.env.BENCH_REDIS_URL) await forget(plain)
    await Promise.all([...stores, emptyNodes, queue].map((store) => store.close()))
    plain.disconnect()
    pipelined.disconnect()
  }
}

/** What another working copy of this repository measures itself by: its own script, and its own way to call that. */
async function headcountOf(directory, url, nodes) {
  const { headcount } = await import(pathToFileURL(resolve(directory, 'bench/headcount.mjs')).href)
  return {
    ...(await headcount({ url, prefix: `${PREFIX}older:`, nodes })),
    name: `plain, of ${directory}`,
  }
}
