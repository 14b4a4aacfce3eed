/*
 * The process: reads its settings, starts the server, and stops it in order on the first signal or on an operator's
 * order, at once on the second signal. A signal that comes before the server is up ends the start.
 */
import { UsageError } from '../core/errors.js'
import { createLog, type Log } from '../observe/log.js'
import { CONFIG_EXIT_CODE, type Config, loadConfig } from './config.js'
import type { RunningServer } from './server.js'

const say = (line: string) => process.stderr.write(`${line}\n`)

// A full disk, or a reader that has gone, must cost what is said to people, not the node.
process.stderr.on('error', () => {})
// The log is written to the descriptor, past this stream. That Node makes the stream, here, is what puts a pipe into
// non-blocking mode: else one that nobody reads would block the writer and keep the process from ending.
process.stdout.on('error', () => {})

const loaded = loadConfig({ argv: process.argv.slice(2), env: process.env })
for (const warning of loaded.warnings) say(`headcount: ${warning}`)
if (loaded.ok) await run(loaded.config)
else {
  for (const { message } of loaded.errors) say(`headcount: ${message}`)
  process.exitCode = CONFIG_EXIT_CODE
}

async function run(config: Config): Promise<void> {
  const log = createLog({ level: config.logLevel, node: config.nodeName })
  let server: RunningServer | undefined
  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    // Until there is one nothing is taken that does not end with the process.
    await server?.stop()
    await log.written()
    process.exit(0)
  }
  // First of all: a process that is PID 1 of its container ignores a signal to which nobody listens.
  stopOnSignals(stop, log)
  try {
    // Loaded here, because that takes most of the time until the server is up.
    const { startServer } = await import('./server.js')
    const { banner } = await import('./banner.js')
    server = await startServer(config, log)
    for (const line of banner(config, server)) say(line)
    void server.drainOrdered.then(stop)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    say(`headcount: ${error.message}`)
    process.exit(CONFIG_EXIT_CODE)
  }
}

function stopOnSignals(stop: () => Promise<void>, log: Log): void {
  let signals = 0
  const onSignal = (signal: NodeJS.Signals) => {
    signals += 1
    if (signals > 1) {
      log.warn({ signal }, 'second signal: leaving at once; the lease is left to expire')
      process.exit(1)
    }
    // The first one after an order finds the node stopping already: a supervisor says it to whatever it sees leave.
    log.info({ signal }, 'stopping: a second signal leaves at once')
    void stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // A terminal that closes, and who expects that it reloads: neither may cut connections off, however often it is said.
  process.on('SIGHUP', (signal) => {
    log.info({ signal }, 'stopping: there is nothing to reload, the key file is read when it changes')
    void stop()
  })
}
