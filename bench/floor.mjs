import { Redis } from 'ioredis'
import { admissionRounds } from './admission-rounds.mjs'
import { admissionGoals } from './goals.mjs'
import { headcount } from './headcount.mjs'
import { Meter } from './meter.mjs'
import { population } from './population.mjs'
import { forget, PREFIX } from './prefix.mjs'
import { admissionTable, machineFacts, scaleFacts } from './report.mjs'
import { bareCommands } from './rivals/bare-commands.mjs'
import { emptyScript } from './rivals/empty-script.mjs'
import { redisSemaphore } from './rivals/redis-semaphore.mjs'
import { settings } from './settings.mjs'

/** How much of what an admission costs is in the commands themselves: whatever the script does, that is left. */
export async function run({ url, flags }) {
  const scale = settings(flags)
  const plain = new Redis(url)
  const pipelined = new Redis(url, { enableAutoPipelining: true })
  const wiring = { plain, pipelined, prefix: PREFIX, nodes: scale.nodes }
  const ours = await headcount({ url, prefix: `${PREFIX}hc:`, nodes: scale.nodes })
  const bare = bareCommands(wiring)
  const systems = [emptyScript(wiring), ours, bare, redisSemaphore(wiring)]
  try {
    console.log(await machineFacts(plain))
    console.log(scaleFacts(scale))
    const orgs = population(scale)
    for (const system of systems) await system.populate(orgs)
    const meter = new Meter(plain)
    await meter.calibrate()
    const admission = await admissionRounds({ systems, meter, scale, beforeEach: () => ours.renewAll() })
    console.log('\nµs of Redis an item, inside the command (INFO commandstats)\n')
    console.log(admissionTable(systems, admission, scale, 'script'))
    console.log('\nWhether the goals could be met at all: held against the bare commands')
    return admissionGoals(admission, bare.name)
  } finally {
    if (process.env.BENCH_REDIS_URL) await forget(plain)
    await ours.close()
    plain.disconnect()
    pipelined.disconnect()
  }
}
