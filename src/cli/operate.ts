import { type Command, Option } from 'commander'
import { settings } from '../server/config-settings.js'
import { CliError } from './cli-error.js'
import { AdminSource } from './cluster/admin-source.js'
import type { Source } from './cluster/source.js'
import { ADMIN_URL_EXAMPLE, adminUrlOf } from './options/admin-url.js'
import { seconds } from './options/numbers.js'
import { urlOption } from './options/url-option.js'
import { fenced } from './terminal/fence.js'
import { type Page, pageOf } from './terminal/page.js'
import { jsonLine, safe } from './terminal/safe-text.js'
import { refreshing } from './terminal/screen.js'

/** What a command asks, and how its answer looks. */
export interface View<T> {
  ask(source: Source): Promise<T>
  /** Lines for a person. Whatever others have named must have gone through `safe`. */
  show(answer: T, page: Page): string[]
  /** 0 where absent. */
  exitCode?(answer: T): number
  /** What is said, on standard output, and with which code, where there was no answer; where absent an error and 1. */
  failed?(error: CliError): { readonly lines: readonly string[]; readonly code: number }
  /** Seconds between two looks where nobody says another; asked once where absent. */
  readonly watchSeconds?: number
}

interface CommonOptions {
  readonly admin: URL
  readonly token?: string
  /** Without a value that of the environment, since a password in a command line is seen by everybody. */
  readonly redis?: string | true
  readonly keyPrefix?: string
  readonly json: boolean
  readonly watch?: number | true
}

const DEFAULT_ADMIN = 'http://127.0.0.1:8081'
const WATCH_SECONDS = 2

/** Whether a command only looks; what changes something is neither done again and again nor told to Redis itself. */
type Kind = 'looks' | 'changes'

/** Makes a command one that asks the cluster: gives it the options that all such have, and runs its view. */
export function operates<T>(command: Command, viewOf: (command: Command) => View<T>, kind: Kind = 'looks'): void {
  for (const option of commonOptions(command, kind)) command.addOption(option)
  command.action(() => run(command.opts(), viewOf(command)))
}

/** What every command of that kind takes. */
export function commonOptions(command: Command, kind: Kind = 'looks'): Option[] {
  return [...optionsOfAll(command), ...(kind === 'looks' ? optionsOfLooks() : [])]
}

function optionsOfAll(command: Command): Option[] {
  return [
    urlOption(command, {
      flags: '--admin <url>',
      env: 'HEADCOUNT_ADMIN_URL',
      description: 'admin listener of any node',
      read: adminUrlOf,
      example: ADMIN_URL_EXAMPLE,
    }).default(new URL(DEFAULT_ADMIN), DEFAULT_ADMIN),
    new Option('--token <token>', 'its bearer token').env('ADMIN_TOKEN'),
    new Option('--json', 'the answer as one JSON object, on one line').default(false),
  ]
}

function optionsOfLooks(): Option[] {
  return [
    new Option('--redis [url]', 'ask Redis itself instead, and only read: the one of REDIS_URL where none is given'),
    new Option('--key-prefix <prefix>', 'of the keys in that Redis')
      .env('HEADCOUNT_KEY_PREFIX')
      .default(settings.keyPrefix.default),
    new Option(
      '--watch [seconds]',
      `ask again every so many seconds, ${WATCH_SECONDS} where none are given, until Ctrl-C or q`,
    ).argParser(seconds(0.1, 86_400)),
  ]
}

async function run<T>(options: CommonOptions, view: View<T>): Promise<void> {
  const page = pageOf(process.stdout, process.env)
  const look = async (source: Source): Promise<{ text: string; code: number }> => {
    const answer = await view.ask(source)
    const lines = options.json ? [jsonLine(answer)] : view.show(answer, page)
    return { text: asText(lines), code: view.exitCode?.(answer) ?? 0 }
  }
  const fail = (error: unknown) => {
    if (!(error instanceof CliError)) throw error
    const failed = options.json ? undefined : view.failed?.(error)
    const text = failed ? asText(failed.lines) : complaint(error, options.json)
    return { text, code: view.failed?.(error).code ?? 1 }
  }
  let source: Source | undefined
  try {
    source = await openSource(options)
    const everySeconds = options.watch === true ? WATCH_SECONDS : (options.watch ?? view.watchSeconds)
    if (everySeconds !== undefined) {
      const asked = source
      process.exitCode = await refreshing(everySeconds * 1_000, () => look(asked).catch(fail))
      return
    }
    const { text, code } = await look(source)
    process.stdout.write(text)
    process.exitCode = code
  } catch (error) {
    const { text, code } = fail(error)
    const { stdout, stderr } = process
    ;(view.failed ? stdout : stderr).write(text)
    process.exitCode = code
  } finally {
    await source?.close()
  }
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => `${fenced(line)}\n`).join('')
}

async function openSource({ admin, token, redis, keyPrefix = '' }: CommonOptions): Promise<Source> {
  if (redis === undefined) return new AdminSource(admin, token)
  const url = redis === true ? process.env.REDIS_URL : redis
  if (!url) throw new CliError('--redis has no address, and REDIS_URL is not set', 'give one: redis://host:6379')
  // What speaks to Redis takes as long to load as all the rest.
  const { RedisSource } = await import('./cluster/redis-source.js')
  return new RedisSource(url, keyPrefix)
}

/** An error as a command says it. What a server said is somebody else's text too. */
export function complaint({ message, advice, code }: CliError, json: boolean): string {
  if (json) return `${jsonLine({ error: { message, advice, ...(code !== undefined && { code }) } })}\n`
  return `headcount: ${safe(message)}${code === undefined ? '' : ` (${safe(code)})`}\n  ${safe(advice)}\n`
}
