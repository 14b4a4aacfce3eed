import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { type ClosingCode, closings, type RefusalCode, refusals } from '../core/closures.js'
import { adviceFor } from './advice-for.js'
import { CliError } from './cli-error.js'
import { type Explanation, explanations } from './explanations.js'
import { operates } from './operate.js'
import { holderTable, withNodes } from './org.js'
import type { Page } from './page.js'
import { safe } from './safe-text.js'
import type { Note } from './source.js'
import { duration } from './words.js'

/** Adds `why`: one refusal or closing in words. */
export function addWhyCommand(program: Command): void {
  const command = program
    .command('why')
    .description('explain one refusal or closing: what was full, who held it then, what to do')
    .argument('<id>', 'the `instance` of the refusal that the client got, or the id of a connection that was closed')
  operates(command, () => ({
    async ask(source) {
      const requestId = command.args[0]!.replace(/^urn:uuid:/, '')
      const [note] = await source.refusals({ requestId, limit: 1 })
      if (!note) {
        throw new CliError(
          `there is no ${requestId} among the last refusals and closings`,
          'nodes remember the last 1,000, and tell each other within a second or two; the log of the node goes further back',
        )
      }
      if (!note.holders) return { ...note, ...explained(note) }
      return { ...note, ...explained(note), holders: withNodes(note.holders, await source.nodes()) }
    },
    show: tell,
  }))
}

function explained({ code }: Note): Partial<Explanation> {
  return Object.hasOwn(explanations, code) ? explanations[code as RefusalCode] : {}
}

type Explained = Note & Partial<Explanation> & { readonly holders?: Parameters<typeof holderTable>[1] }

function tell(note: Explained, page: Page): string[] {
  const { at, node, gatewayId, orgId, address, currentCount, maxAllowed, retryAfterSeconds, detail, why, todo } = note
  const who = [gatewayId && `${gatewayId} of`, orgId, address && `from ${address}`].filter(Boolean).join(' ')
  const lines: readonly (readonly [label: string, text: string | undefined])[] = [
    ['when', `${at}, ${duration(systemClock.wallMs() - Date.parse(at))} ago, by ${node}`],
    ['who', who],
    ['held', currentCount === undefined ? undefined : `${currentCount} of ${maxAllowed} at that moment`],
    ['told', retryAfterSeconds === undefined ? undefined : `to come back after ${retryAfterSeconds} s`],
    ['detail', detail],
    ['why', why],
    ['to do', todo === undefined || orgId === undefined ? todo : adviceFor(orgId, todo)],
  ]
  const said = lines.flatMap(([label, text]) => (text ? [`  ${label.padEnd(7)} ${safe(text)}`] : []))
  const holders = note.holders ? ['', 'Who held the slots then:', ...holderTable(page, note.holders)] : []
  return [page.paint('bold', titleOf(note)), ...said, ...holders]
}

function titleOf({ code, kind }: Note): string {
  const refusal = Object.hasOwn(refusals, code) ? refusals[code as RefusalCode] : undefined
  const closing = Object.hasOwn(closings, code) ? closings[code as ClosingCode] : undefined
  const of = kind === 'refused' ? refusal : undefined
  return of ? `refused: ${of.status} ${code}: ${of.title}` : `${safe(kind)}: ${closing?.close ?? ''} ${safe(code)}`
}
