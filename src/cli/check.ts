import { setTimeout as wait } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { StatsAnswer } from '../admin/answers.js'
import { utilisation } from '../limiter/utilisation.js'
import { CliError } from './cli-error.js'
import { fullestOrg } from './cluster/bound-orgs.js'
import { type Away, awayWords } from './cluster/buckets-away.js'
import { lostBy } from './cluster/lost-by.js'
import { refusedLately } from './cluster/refused-lately.js'
import type { NodeRow, Source } from './cluster/source.js'
import { wholeOf } from './cluster/whole.js'
import { judgeSettings } from './doctor/judge-settings.js'
import { byName } from './nodes.js'
import { operates } from './operate.js'
import { wholeNumber } from './options/numbers.js'
import { counted } from './terminal/counted.js'
import { safe } from './terminal/safe-text.js'

/** What monitoring systems expect of a plug-in: its exit code. */
const STATES = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const
const [OK, WARNING, CRITICAL, UNKNOWN] = [0, 1, 2, 3] as const

/** A heartbeat may be late by chance; who is silent still so long after is silent. */
const SECOND_LOOK_MS = 1_000
const MOST_NAMES = 3
const MOST_NOTES = 1_000

interface CheckOptions {
  readonly warning?: number
  readonly critical?: number
  readonly nodes: number
}

interface Checked {
  readonly state: (typeof STATES)[number]
  readonly problems: readonly string[]
  readonly nodes: number
  /** `null` while buckets are away: nobody knows what is held there. */
  readonly connections: number | null
  /** Of the limit of the fullest org, in percent; `null` where some orgs, or the limits of some, are not known. */
  readonly fullestPercent: number | null
  /** Orgs that may be fuller and were too many to look at. */
  readonly notLookedAt: number
}

/** Adds `check`: one line and an exit code, as plug-ins of Nagios and its heirs answer. */
export function addCheckCommand(program: Command): void {
  const command = program
    .command('check')
    .description('one line for monitoring: exits with 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN')
    .option('-w, --warning <percent>', 'warn when an org holds so much of its limit', parsePercent)
    .option('-c, --critical <percent>', 'the same, critical', parsePercent)
    .option('--nodes <count>', 'critical when fewer nodes renew their leases', wholeNumber(0), 1)
    // For a monitoring system 1 is a warning, and a slip in a command line is none.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? OK : UNKNOWN))
  operates(command, () => ({
    ask: (source) => check(source, command.opts<CheckOptions>()),
    show: ({ state, problems, nodes, connections, fullestPercent, notLookedAt }) => {
      const { warning = '', critical = '' } = command.opts<CheckOptions>()
      const well = `${counted(nodes, 'node holds', 'nodes hold')} ${counted(connections ?? 0, 'connection')}`
      const rest = notLookedAt > 0 ? [`${counted(notLookedAt, 'org')} not looked at`] : []
      const said = [...(problems.length > 0 ? problems : [well]), ...rest].join('; ')
      // U is what a plug-in says of what it cannot find out.
      const [held, fullest] = [connections ?? 'U', fullestPercent === null ? 'U' : `${fullestPercent}%`]
      return [
        `HEADCOUNT ${state} - ${said} | nodes=${nodes} connections=${held} fullest=${fullest};${warning};${critical}`,
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
  // At once, and not only where an org has none but the default: whoever sets this up should see it that day.
  if (source.facts && (warning ?? critical) !== undefined) {
    throw new CliError(
      'Redis knows no limits but those that operators have set, so -w and -c have nothing to compare with',
      'ask a node for this: --admin URL, without --redis',
      'LIMITS_UNKNOWN',
    )
  }
  const [{ nodes: found, orgs, notes = [], away }, stats] = await Promise.all([
    wholeOf(source, MOST_NOTES),
    source.stats(),
  ])
  const nodes = found.some(isSilent) ? await lookAgain(source) : found
  const renewing = nodes.filter(({ leaseExpiresInMs }) => leaseExpiresInMs > 0)
  const isKnown = orgs.every(({ maxAllowed }) => maxAllowed !== null)
  const { fullest, unseen } = await fullestOrg(source, isKnown ? orgs : [])
  const fullestPercent = isKnown ? Math.floor(100 * ((fullest && utilisation(fullest)) ?? 0)) : null
  const problems: [level: 1 | 2, problem: string][] = []
  if (away.bucketsAway) problems.push([CRITICAL, awayWords(away)])
  const unreached = stats && unreachedBy(stats.node, away)
  if (unreached) problems.push([CRITICAL, `the node that was asked does not reach ${unreached}`])
  if (stats && stats.node.recoveryMs > 0) problems.push([WARNING, 'the store recovers: newcomers wait'])
  if (renewing.length < least) problems.push([CRITICAL, `${counted(renewing.length, 'node')} of at least ${least}`])
  const lapsed = nodes.length - renewing.length
  if (lapsed > 0) problems.push([WARNING, `${counted(lapsed, 'lease has', 'leases have')} lapsed`])
  const silent = nodes.filter(isSilent).sort(byName)
  if (silent.length > 0)
    problems.push([WARNING, `${counted(silent.length, 'node')} silent: ${namesOf(silent.map(({ name }) => name))}`])
  if (stats?.node.keyFileUsable === false) problems.push([WARNING, 'the node that was asked cannot use its key file'])
  const differing = judgeSettings(nodes).flatMap(({ code, subject }) => (code === 'SETTINGS_DIFFER' ? [subject] : []))
  if (differing.length > 0) problems.push([WARNING, `nodes differ in ${namesOf(differing)}`])
  // Whoever comes with an invented token may be told that it cannot be known yet: strangers raise no alarm.
  const refused = refusedLately(notes, stats?.node).filter(({ code }) => code !== 'IDENTITY_UNAVAILABLE')
  for (const code of new Set(refused.map((each) => each.code))) {
    const those = refused.filter((each) => each.code === code)
    const count = those.reduce((sum, each) => sum + each.count, 0)
    const names = namesOf(those.map(({ node }) => node))
    problems.push([WARNING, `${counted(count, 'newcomer')} refused within a minute: ${code} by ${names}`])
  }
  const held = fullestPercent ?? 0
  const level = held >= (critical ?? Infinity) ? CRITICAL : held >= (warning ?? Infinity) ? WARNING : OK
  if (level !== OK) problems.push([level, `${barless(fullest!.orgId)} holds ${held}% of its limit`])
  return {
    state: STATES[Math.max(OK, ...problems.map(([each]) => each))]!,
    problems: problems.map(([, problem]) => problem),
    nodes: renewing.length,
    connections: away.bucketsAway ? null : nodes.reduce((sum, node) => sum + node.connections, 0),
    fullestPercent: away.bucketsAway ? null : fullestPercent,
    notLookedAt: unseen,
  }
}

/** What the node that was asked does not reach; buckets that nobody reaches are told of already. */
function unreachedBy(node: StatsAnswer['node'], { bucketsAway = [] }: Away): string | undefined {
  const lost = lostBy(node)
  if (lost === 'all') return 'the store'
  const alone = lost.filter((bucket) => !bucketsAway.includes(bucket))
  return alone.length > 0 ? `${alone.length} of ${node.buckets} buckets` : undefined
}

function isSilent({ late, leaseExpiresInMs }: NodeRow): boolean {
  return late === true && leaseExpiresInMs > 0
}

async function lookAgain(source: Source): Promise<NodeRow[]> {
  await wait(SECOND_LOOK_MS)
  return (await source.nodes()).nodes
}

function namesOf(names: readonly string[]): string {
  const more = names.length > MOST_NAMES ? [`${names.length - MOST_NAMES} more`] : []
  return [...names.slice(0, MOST_NAMES).map(barless), ...more].join(', ')
}

/** A bar ends the words of a plug-in, so it must not come from a name. */
function barless(name: string): string {
  return safe(name).replaceAll('|', '\\u{7c}')
}

function parsePercent(text: string): number {
  const percent = Number(/^(\d{1,3})%?$/.exec(text)?.[1])
  if (percent >= 1) return percent
  throw new InvalidArgumentError('It must be a percentage from 1%.')
}
