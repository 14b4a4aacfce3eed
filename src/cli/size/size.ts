import type { Command } from 'commander'
import { CliError } from '../cli-error.js'
import { complaint } from '../operate.js'
import { jsonLine } from '../terminal/safe-text.js'
import { type Asked, type Capacity, capacityOf, TARGET_SHARE } from './capacity.js'

interface SizeOptions {
  readonly orgs: string
  readonly connections: string
  readonly churn: string
  readonly nodes?: string
  readonly json: boolean
}

/** More than the model was ever held against, by far. */
const MOST = 1e9

/** Adds `size`: what a cluster would take, before there is one. Asks nobody. */
export function addSizeCommand(program: Command): void {
  const command = program
    .command('size')
    .description('what Redis and nodes a cluster would take, by the measured constants of docs/capacity.md')
    .requiredOption('--orgs <count>', 'orgs that hold connections, such as 33000 or 1e5')
    .requiredOption('--connections <count>', 'connections at the busiest hour')
    .requiredOption('--churn <per-second>', 'connections that come each second; as many go')
    .option('--nodes <count>', 'how many nodes there are; as many as are needed where absent')
    .option('--json', 'one JSON object', false)
  command.action(() => {
    const options = command.opts<SizeOptions>()
    try {
      const asked = askedOf(options)
      const capacity = known(asked)
      const text = options.json ? jsonLine({ asked, ...capacity }) : sizeLines(asked, capacity).join('\n')
      process.stdout.write(`${text}\n`)
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      process.stderr.write(complaint(error, options.json))
      process.exitCode = 1
    }
  })
}

function askedOf({ orgs, connections, churn, nodes }: SizeOptions): Asked {
  const asked = {
    orgs: whole('--orgs', orgs),
    connections: whole('--connections', connections),
    churnPerSecond: number('--churn', churn),
    ...(nodes !== undefined && { nodes: whole('--nodes', nodes) }),
  }
  if (asked.orgs <= asked.connections) return asked
  throw invalid(`${orgs} orgs cannot hold ${connections} connections`, 'count only orgs that hold at least one')
}

function known(asked: Asked): Capacity {
  const capacity = capacityOf(asked)
  if (capacity) return capacity
  throw invalid(
    'that is more than 256 buckets can bear, each on a primary of its own',
    'divide it into several clusters, or say fewer --nodes, all of which renew in each bucket',
  )
}

function whole(flag: string, text: string): number {
  const value = number(flag, text)
  if (Number.isInteger(value) && value >= 1) return value
  throw invalid(`${flag} must be a whole number from 1, not ${text}`, 'write it as 33000 or 1e5')
}

function number(flag: string, text: string): number {
  const value = /^\d+(\.\d+)?(e\d{1,2})?$/.test(text) ? Number(text) : Number.NaN
  if (value <= MOST) return value
  throw invalid(`${flag} must be a number from 0 to ${count(MOST)}, not ${text}`, 'write it as 33000, 0.5 or 1e5')
}

function invalid(message: string, advice: string): CliError {
  return new CliError(message, advice, 'INVALID_SIZE')
}

/** What a person is told. */
export function sizeLines({ orgs, connections, churnPerSecond }: Asked, { redis, nodes }: Capacity): string[] {
  const { cpu, primaries } = redis
  const each = Math.round((10 * connections) / orgs) / 10
  const spread = primaries > 1 ? ` of a Redis Cluster, with ${redis.buckets} buckets` : ''
  const few = nodes.count < nodes.needed ? `; too few, ${count(nodes.needed)} are needed` : ''
  return [
    `${count(connections)} connections in ${count(orgs)} orgs (${each} each); ${count(churnPerSecond)} a second come, as many go`,
    '',
    `Redis  CPU        ${percent(redis.cpuShare)} of a core: coming and going ${percent(cpu.admissions)}, ` +
      `audits ${percent(cpu.audits)}, renewals ${percent(cpu.renewals)}`,
    `       primaries  ${count(primaries)}${spread}, the busiest at ${percent(redis.busiestShare)} of a core (at most ${percent(TARGET_SHARE)})`,
    `       memory     ${bytes(redis.memoryBytes)} of data, ${bytes(redis.memoryBytes / primaries)} a primary`,
    `       network    ${bits(redis.receivesBitsPerSecond)} in, ${bits(redis.sendsBitsPerSecond)} out`,
    `       renewals   ${count(redis.renewalsPerSecond)} a second`,
    `Nodes  count      ${count(nodes.count)}${few || ', one of which may die'}`,
    `       each       ${count(nodes.connectionsEach)} connections, ${count(nodes.upgradesPerSecondEach)} upgrades a second, ` +
      `${bytes(nodes.memoryBytesEach)} of memory`,
  ]
}

/** Three digits are more than the model knows. */
function count(value: number): string {
  return value.toLocaleString('en-US', value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 })
}

function percent(share: number): string {
  return `${count(100 * share)} %`
}

function bytes(value: number): string {
  return scaled(value, 1_024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
}

function bits(perSecond: number): string {
  return scaled(perSecond, 1_000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'])
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let [left, unit] = [value, 0]
  for (; left >= base && unit < units.length - 1; unit++) left /= base
  return `${count(left)} ${units[unit]}`
}
