import { type Command, Option } from 'commander'
import { CliError } from './cli-error.js'
import { bodyOf } from './cluster/answer.js'
import { fetchFailure } from './cluster/fetch-failure.js'
import { complaint } from './operate.js'
import { ADMIN_URL_EXAMPLE, adminUrlOf } from './options/admin-url.js'
import { wholeNumber } from './options/numbers.js'
import { urlOption } from './options/url-option.js'
import { safe } from './terminal/safe-text.js'

interface HealthcheckOptions {
  readonly url?: URL | ''
  readonly port: number | ''
  readonly live: boolean
}

/** Shorter than what container engines give a health check, so that its own words are what is seen. */
const TIMEOUT_MS = 2_000
/** Far more than a node says of its health. */
const MOST_BYTES = 16 * 1_024
const DEFAULT_PORT = 8081

/** Adds `healthcheck`: what a container engine runs inside the container. Exits with 0 if the node is well, else 1. */
export function addHealthcheckCommand(program: Command): void {
  const command = program
    .command('healthcheck')
    .description('ask the node on this machine whether it is ready; exits with 0 or 1')
  command
    .addOption(
      urlOption(command, {
        flags: '--url <url>',
        env: 'HEADCOUNT_ADMIN_URL',
        description: 'admin listener to ask; this machine and --port where absent',
        read: orNone(adminUrlOf),
        example: ADMIN_URL_EXAMPLE,
      }),
    )
    .addOption(
      new Option('--port <port>', 'port of the admin listener')
        .env('ADMIN_PORT')
        .argParser(orNone(wholeNumber(1, 65_535, 'port')))
        .default(DEFAULT_PORT),
    )
    .option('--live', 'ask only whether the process turns, not whether it admits', false)
  command.action((options: HealthcheckOptions) => {
    // A port that was typed outweighs an address that the environment has.
    const isTyped = command.getOptionValueSource('port') === 'cli' && command.getOptionValueSource('url') !== 'cli'
    const { url, port, live } = options
    const base = url && !isTyped ? url : new URL(`http://127.0.0.1:${port || DEFAULT_PORT}`)
    return healthcheck(addressIn(base, live ? 'livez' : 'readyz'))
  })
}

/** Of a listener or of what it is asked: both are called its address. */
function addressIn(base: URL, question: 'livez' | 'readyz'): URL {
  const path = base.pathname.replace(/\/+$/, '').replace(/\/(livez|readyz)$/, '')
  return new URL(`${path}/${question}`, base)
}

/** An empty variable counts as none: that is how compose files pass on what is not set. */
function orNone<T>(parse: (text: string) => T): (text: string) => T | '' {
  return (text) => text && parse(text)
}

async function healthcheck(address: URL): Promise<void> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    // Whoever answers there need not be a node.
    const { text } = await bodyOf(response, MOST_BYTES)
    process.stdout.write(`${text === undefined ? 'more than any node says of its health' : safe(text)}\n`)
    process.exitCode = response.ok && text !== undefined ? 0 : 1
  } catch (error) {
    const why = `${address} does not answer: ${fetchFailure(error, TIMEOUT_MS)}`
    const advice = 'is a node running there? --url, HEADCOUNT_ADMIN_URL or ADMIN_PORT says where'
    process.stderr.write(complaint(new CliError(why, advice), false))
    process.exitCode = 1
  }
}
