import { UsageError } from '../core/errors.js'
import { createLog } from '../observe/log.js'
import { banner } from './banner.js'
import { CONFIG_EXIT_CODE, loadConfig } from './config.js'
import { type RunningServer, startServer } from './server.js'

/** The process: reads its settings, starts the server, and stops it in order on the first signal, at once on the second. */
const say = (line: string) => process.stderr.write(`${line}\n`)

const loaded = loadConfig({ argv: process.argv.slice(2), env: process.env })
for (const warning of loaded.warnings) say(`headcount: ${warning}`)
if (loaded.ok) await run(loaded.config)
else {
  for (const { message } of loaded.errors) say(`headcount: ${message}`)
  process.exitCode = CONFIG_EXIT_CODE
}

async function run(config: Parameters<typeof startServer>[0]): Promise<void> {
  const log = createLog({ level: config.logLevel, node: config.nodeName })
  try {
    const server = await startServer(config, log)
    for (const line of banner(config, server)) say(line)
    stopOnSignals(server, log)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    say(`headcount: ${error.message}`)
    process.exit(CONFIG_EXIT_CODE)
  }
}

function stopOnSignals(server: RunningServer, log: ReturnType<typeof createLog>): void {
  let stopping = false
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) {
      log.warn({ signal }, 'second signal: leaving at once; the lease is left to expire')
      process.exit(1)
    }
    stopping = true
    log.info({ signal }, 'stopping: a second signal leaves at once')
    await server.stop()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
