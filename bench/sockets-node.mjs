// A node as `headcount serve` runs it, which tells its parent what it takes.
import { createLog } from '../dist/observe/log.js'
import { loadConfig } from '../dist/server/config.js'
import { startServer } from '../dist/server/server.js'
import { answerParent, settingsOfChild } from './child.mjs'
import { EventLoopLag } from './event-loop-lag.mjs'

const lag = new EventLoopLag()
let cpu = process.cpuUsage()

const loaded = loadConfig({ argv: [], env: settingsOfChild() })
if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('; '))
const server = await startServer(loaded.config, createLog({ level: 'error', node: loaded.config.nodeName }))

answerParent({
  port: () => server.port,
  /** Begins a window; what a collection before it takes is not in it. */
  async begin() {
    await collect()
    lag.begin()
    cpu = process.cpuUsage()
  },
  /** Ends it, and then looks at the memory. */
  async end() {
    const { user, system } = process.cpuUsage(cpu)
    const late = lag.end()
    await collect()
    const { rss, heapUsed, external } = process.memoryUsage()
    return { ...late, cpuUs: user + system, rss, heap: heapUsed, external }
  },
  stop: () => server.stop(),
})

/**
 * What one collection sets free by finalizers the next one takes away. The last comes last: one turn of the loop after it
 * would work off the pings that had to wait for it, and leave what they threw away to be counted.
 */
async function collect() {
  for (let round = 0; round < 3; round++) {
    await new Promise(setImmediate)
    globalThis.gc()
  }
}
