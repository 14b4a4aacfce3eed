import { type Command, InvalidArgumentError } from 'commander'
import type { CliError } from './cli-error.js'
import { operates } from './operate.js'
import { safe } from './safe-text.js'
import type { Source } from './source.js'
import { byUtilisation, shareOf } from './utilisation.js'

/** What monitoring systems expect of a plug-in: its exit code. */
const STATES = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const
const [OK, WARNING, CRITICAL, UNKNOWN] = [0, 1, 2, 3] as const

interface CheckOptions {
  readonly warning?: number
  readonly critical?: number
  readonly nodes: number
}

interface Checked {
  readonly state: (typeof STATES)[number]
  readonly problems: readonly string[]
  readonly nodes: number
  readonly connections: number
  /** Of the limit of the fullest org, in percent. */
  readonly fullestPercent: number
}

/** Adds `check`: one line and an exit code, as plug-ins of Nagios and its heirs answer. */
export function addCheckCommand(program: Command): void {
  const command = program
    .command('check')
    .description('one line for monitoring: exits with 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN')
    .option('-w, --warning <percent>', 'warn when an org holds so much of its limit', parsePercent)
    .option('-c, --critical <percent>', 'the same, critical', parsePercent)
    .option('--nodes <count>', 'critical when fewer nodes renew their leases', parseCount, 1)
    // For a monitoring system 1 is a warning, and a slip in a command line is none.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? OK : UNKNOWN))
  operates(command, () => ({
    ask: (source) => check(source, command.opts<CheckOptions>()),
    show: ({ state, problems, nodes, connections, fullestPercent }) => {
      const { warning = '', critical = '' } = command.opts<CheckOptions>()
      const said = problems.length > 0 ? problems.join('; ') : `${nodes} nodes hold ${connections} connections`
      return [
        `HEADCOUNT ${state} - ${said} | nodes=${nodes} connections=${connections} fullest=${fullestPercent}%;${warning};${critical}`,
      ]
    },
    exitCode: ({ state }) => STATES.indexOf(state),
    failed(error: CliError) {
      const code = stateOf(error)
      return { lines: [`HEADCOUNT ${STATES[code]} - ${safe(error.message)}: ${safe(error.advice)}`], code }
    },
  }))
}

/** Who does not answer is down; who does not let in says nothing about how it is. */
function stateOf({ code }: CliError): 2 | 3 {
  return code === undefined || code === 'STORE_UNAVAILABLE' ? CRITICAL : UNKNOWN
}

async function check(source: Source, { warning, critical, nodes: least }: CheckOptions): Promise<Checked> {
  const [nodes, orgs, reachable] = await Promise.all([source.nodes(), source.orgs(), source.storeReachable()])
  const renewing = nodes.filter(({ leaseExpiresInMs }) => leaseExpiresInMs > 0)
  const [fullest] = orgs.sort(byUtilisation)
  const fullestPercent = Math.floor(100 * ((fullest && shareOf(fullest)) ?? 0))
  const found: [level: 1 | 2, problem: string][] = []
  if (!reachable) found.push([CRITICAL, 'the node that was asked does not reach the store'])
  if (renewing.length < least) found.push([CRITICAL, `${renewing.length} nodes of at least ${least}`])
  if (renewing.length < nodes.length) found.push([WARNING, `${nodes.length - renewing.length} leases have lapsed`])
  const level =
    fullestPercent >= (critical ?? Infinity) ? CRITICAL : fullestPercent >= (warning ?? Infinity) ? WARNING : OK
  // A bar ends the words of a plug-in, so it must not come from a name.
  if (level !== OK)
    found.push([level, `${safe(fullest!.orgId).replaceAll('|', '\\u{7c}')} holds ${fullestPercent}% of its limit`])
  return {
    state: STATES[Math.max(OK, ...found.map(([each]) => each))]!,
    problems: found.map(([, problem]) => problem),
    nodes: renewing.length,
    connections: nodes.reduce((sum, node) => sum + node.connections, 0),
    fullestPercent,
  }
}

function parsePercent(text: string): number {
  const percent = Number(/^(\d{1,3})%?$/.exec(text)?.[1])
  if (percent >= 1) return percent
  throw new InvalidArgumentError('It must be a percentage from 1%.')
}

function parseCount(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}
