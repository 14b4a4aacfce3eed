import { type Command, Option } from 'commander'
import { ENDPOINT } from '../../server/endpoint.js'
import { endpointOf } from '../options/endpoint.js'
import { wholeNumber } from '../options/numbers.js'
import { urlOption } from '../options/url-option.js'
import { jsonLine } from '../terminal/safe-text.js'
import { CONSOLE_HINT, obeyConsole } from './console-input.js'
import type { Refusal } from './refusal.js'
import { type ClientEvent, describe } from './report.js'

interface ConnectOptions {
  readonly url: URL
  readonly key?: string
  readonly connections: number
  readonly instanceId?: string
  readonly reconnect: boolean
  readonly atOnce: boolean
  readonly json: boolean
}

const DEFAULT_URL = 'ws://127.0.0.1:8080'
const MAX_CONNECTIONS = 10_000

/** Adds `connect`: the client for whoever wants to see a limit work. */
export function addConnectCommand(program: Command): void {
  const command = program
    .command('connect')
    .description('open connections as gateways do, show what becomes of each, and hold them until Ctrl-C')
  command
    .addOption(
      urlOption(command, {
        flags: '-u, --url <url>',
        env: 'HEADCOUNT_URL',
        description: 'server; the path of the endpoint may be left out',
        read: endpointOf,
        example: 'ws://127.0.0.1:8080 or wss://example.com',
      }).default(endpointOf(DEFAULT_URL), DEFAULT_URL),
    )
    .addOption(new Option('-k, --key <key>', 'API key').env('HEADCOUNT_KEY'))
    .option('-n, --connections <count>', 'how many to open', wholeNumber(1, MAX_CONNECTIONS), 1)
    .option('--instance-id <id>', 'name of the gateway process; numbered where several connections are opened')
    .option('--reconnect', 'come back after a refusal or a loss: backoff with jitter, Retry-After honoured', false)
    .option('--at-once', 'open all in the same instant, not one after another', false)
    .option('--json', 'one JSON object a line', false)
    .action(connect)
}

/** Exits with 0 if any connection was ever accepted, else with 1. */
async function connect(options: ConnectOptions): Promise<void> {
  const counts = { accepted: 0, refused: 0, failed: 0 }
  const hints = new Set<string>()
  const report = (event: ClientEvent) => {
    if (event.event in counts) counts[event.event as keyof typeof counts]++
    process.stdout.write(`${options.json ? jsonLine(event) : describe(event)}\n`)
    const hint = event.event === 'refused' ? hintFor(event, options) : undefined
    if (hint === undefined || options.json || hints.has(hint)) return
    // Once is enough, however many are refused alike.
    hints.add(hint)
    process.stdout.write(`   ${hint}\n`)
  }
  // What opens WebSockets takes long to load, and every other command does without.
  const { Crowd } = await import('./crowd.js')
  const crowd = new Crowd((connection) => ({
    connection,
    target: { url: options.url, ...credentialsOf(options, connection) },
    reconnect: options.reconnect,
    report,
  }))
  const interrupt = () => crowd.stop()
  // A second Ctrl-C finds no listener and ends the process at once.
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  // Whoever read the output has gone, so nobody knows of the connections any more.
  process.stdout.on('error', interrupt)
  const ignoreConsole = obeyConsole(crowd)
  await crowd.openMany(options.connections, options.atOnce)
  report({ event: 'summary', ...counts, held: crowd.held })
  if (crowd.held > 0 && !options.json) process.stdout.write(`Holding ${crowd.held}. ${CONSOLE_HINT}\n`)
  await crowd.empty()
  ignoreConsole()
  process.exitCode = counts.accepted > 0 ? 0 : 1
}

/** What a refusal means for whoever typed the command, where that can be told from what was typed. */
function hintFor({ status, code }: Refusal, { key, url }: ConnectOptions): string | undefined {
  if ((status === 401 || code === 'UNAUTHENTICATED') && !key)
    return 'no key was sent: --key or HEADCOUNT_KEY says which'
  if (status !== 404) return undefined
  const wrong = url.pathname === ENDPOINT ? 'is that' : `the path of gateways is ${ENDPOINT}; and is that`
  return `${wrong} the public listener of a node (PORT, 8080), not its admin listener (ADMIN_PORT, 8081)?`
}

function credentialsOf({ key, instanceId, connections }: ConnectOptions, connection: number) {
  const numbered = connections > 1 ? `${instanceId}-${connection}` : instanceId
  return { ...(key !== undefined && { key }), ...(instanceId !== undefined && { instanceId: numbered! }) }
}
