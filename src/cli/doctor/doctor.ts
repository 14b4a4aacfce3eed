import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { CliError } from '../cli-error.js'
import type { Source } from '../cluster/source.js'
import { operates } from '../operate.js'
import { counted } from '../terminal/counted.js'
import type { Page } from '../terminal/page.js'
import { safe } from '../terminal/safe-text.js'
import { catalogue, type Finding, type FindingCode, type Severity } from './findings.js'
import { judgeBooks, nodesOf } from './judge-books.js'
import { judgeNodes } from './judge-nodes.js'
import { judgeRedis } from './judge-redis.js'
import { judgeSettings } from './judge-settings.js'

/** Connections come and go while the books are read; what is still odd so long after is odd. */
const SECOND_LOOK_MS = 1_500
const MOST_DETAILS = 3

interface Told {
  readonly code: FindingCode
  readonly severity: Severity
  readonly subject: string
  readonly count: number
  readonly details: readonly string[]
  readonly todo: string
}

const PAINTS = { fault: 'red', warning: 'yellow', advice: 'dim' } as const
const EXIT_CODES = { fault: 2, warning: 1, advice: 0 } as const

/** Adds `doctor`: what is wrong, each thing named with what to do. */
export function addDoctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('what is wrong and what to do: of nodes by the admin API, of Redis and all it holds with --redis')
  operates(command, () => ({
    async ask(source) {
      const { findings, skipped } = await examine(source)
      return { of: source.description, findings: grouped(findings), skipped }
    },
    show: ({ of, findings, skipped }, page) => [
      ...findings.flatMap((told) => linesOf(told, page)),
      ...skipped.map((each) => page.paint('dim', `not looked at: ${safe(each)}`)),
      `${safe(of)}: ${findings.length === 0 ? sound(skipped) : counted(findings.length, 'finding')}`,
    ],
    // The worst comes first.
    exitCode: ({ findings: [worst] }) => (worst ? EXIT_CODES[worst.severity] : 0),
    failed: ({ message, advice }) => ({ lines: [`headcount: ${safe(message)}`, `  ${safe(advice)}`], code: 3 }),
  }))
}

const sound = (skipped: readonly string[]) =>
  skipped.length === 0 ? 'nothing is wrong' : 'nothing is wrong with what was looked at'

interface Look {
  readonly findings: Finding[]
  readonly skipped: readonly string[]
}

/** Looks twice, and believes what is there both times. */
async function examine(source: Source): Promise<Look> {
  const look = (): Promise<Look> => (source.facts ? judgeStore(source) : judgeNodes(source))
  const first = await look().catch(withoutStore)
  if (first.findings.length === 0) return first
  await wait(SECOND_LOOK_MS)
  const wasLost = first.findings.some(isLost)
  // Of a store that went away between the two nothing was seen twice.
  const second = await (wasLost ? look().catch(withoutStore) : look())
  // A silent node may have come to the end of its lease meanwhile.
  const worse = first.findings.map((finding) => (finding.code === 'NODE_LATE' ? ended(finding) : finding))
  const seen = new Set([...first.findings, ...worse].map(nameOf))
  const isSeen = (finding: Finding) => seen.has(nameOf(finding)) || (wasLost && isLost(finding))
  return { ...second, findings: second.findings.filter(isSeen) }
}

/** That a node answers, and its store does not answer it, is a finding; whoever has no answer at all could not look. */
function withoutStore(error: unknown): Look {
  if (!(error instanceof CliError) || error.code !== 'STORE_UNAVAILABLE') throw error
  return {
    findings: [{ code: 'NODE_WITHOUT_STORE', subject: '', detail: error.message }],
    skipped: ['nodes, orgs and refusals'],
  }
}

/** Only of the node that is asked. */
const isLost = ({ code }: Finding) => code === 'NODE_WITHOUT_STORE'
const ended = (finding: Finding): Finding => ({ ...finding, code: 'LEASE_LAPSED' })
const nameOf = ({ code, subject, item = '' }: Finding) => JSON.stringify([code, subject, item])

async function judgeStore(source: Source) {
  const buckets = await source.facts!()
  const findings = buckets.flatMap((each, bucket): Finding[] => {
    if (!each.facts) return [{ code: 'BUCKET_AWAY', subject: `bucket ${bucket}`, detail: each.away }]
    const found = [...judgeRedis(each.facts), ...judgeBooks(each.facts, each.keys)]
    const where = buckets.length > 1 ? ` (bucket ${bucket})` : ''
    return found.map((finding) => ({ ...finding, detail: finding.detail + where }))
  })
  // A node has a lease in each bucket, and tells the same in all.
  findings.push(...judgeSettings(buckets.flatMap(({ facts }) => (facts ? [...nodesOf(facts).values()] : []))))
  return { findings, skipped: buckets.flatMap(({ facts }) => facts?.skipped ?? []) }
}

/** One of many of a kind says enough; the worst first. */
function grouped(findings: readonly Finding[]): Told[] {
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const name = nameOf({ ...finding, item: '' })
    groups.set(name, [...(groups.get(name) ?? []), finding])
  }
  const told = [...groups.values()].map((group): Told => {
    const { code, subject } = group[0]!
    const [severity, todo] = catalogue[code]
    const details = group.slice(0, MOST_DETAILS).map(({ detail }) => detail)
    return { code, severity, subject, count: group.length, details, todo }
  })
  return told.sort((one, other) => EXIT_CODES[other.severity] - EXIT_CODES[one.severity])
}

function linesOf({ code, severity, subject, count, details, todo }: Told, page: Page): string[] {
  const more = count > details.length ? [`and ${count - details.length} more`] : []
  const words = [subject && `${subject}:`, [...details, ...more].join(', ')].filter(Boolean).join(' ')
  return [`${page.paint(PAINTS[severity], severity.padEnd(7))} ${code}  ${safe(words)}`, `        ${todo}`]
}
