import { type Command, Option } from 'commander'
import { CliError } from './cli-error.js'
import { fetchFailure } from './fetch-failure.js'
import { complaint } from './operate.js'

interface HealthcheckOptions {
  readonly url?: string
  readonly port: string
  readonly live: boolean
}

/** Shorter than what container engines give a health check, so that its own words are what is seen. */
const TIMEOUT_MS = 2_000

/** Adds `healthcheck`: what a container engine runs inside the container. Exits with 0 if the node is well, else 1. */
export function addHealthcheckCommand(program: Command): void {
  program
    .command('healthcheck')
    .description('ask the node on this machine whether it is ready; exits with 0 or 1')
    .option('--url <url>', 'admin listener to ask; this machine and --port where absent')
    .addOption(new Option('--port <port>', 'port of the admin listener').env('ADMIN_PORT').default('8081'))
    .option('--live', 'ask only whether the process turns, not whether it admits', false)
    .action(healthcheck)
}

async function healthcheck({ url, port, live }: HealthcheckOptions): Promise<void> {
  const address = `${url ?? `http://127.0.0.1:${port}`}${live ? '/livez' : '/readyz'}`
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    process.stdout.write(`${await response.text()}\n`)
    process.exitCode = response.ok ? 0 : 1
  } catch (error) {
    const why = `${address} does not answer: ${fetchFailure(error, TIMEOUT_MS)}`
    const advice = 'is a node running there? --url or ADMIN_PORT says where'
    process.stderr.write(complaint(new CliError(why, advice), false))
    process.exitCode = 1
  }
}
