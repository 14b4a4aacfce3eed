import type { Command } from 'commander'
import { systemClock } from '../../core/clock.js'
import { type ClosingCode, closings, type RefusalCode, refusals } from '../../core/closures.js'
import { requestIdOf } from '../../core/request-instance.js'
import { CliError } from '../cli-error.js'
import type { Holder, Note, Source } from '../cluster/source.js'
import { operates } from '../operate.js'
import { holderTable, type PlacedHolder, withNodes } from '../org.js'
import type { Page } from '../terminal/page.js'
import { safe } from '../terminal/safe-text.js'
import { duration } from '../terminal/words.js'
import { adviceFor } from './advice-for.js'
import { type Explanation, explanations } from './explanations.js'

/** Adds `why`: one refusal or closing in words. */
export function addWhyCommand(program: Command): void {
  const command = program
    .command('why')
    .description('explain one refusal or closing: what was full, who held it then, what to do')
    .argument('<id>', 'the `instance` of the refusal that the client got, or the id of a connection that was closed')
  operates(command, () => ({
    async ask(source) {
      const requestId = requestIdOf(command.args[0]!)
      const [note] = (await source.refusals({ requestId, limit: 1 })).refusals
      if (!note) {
        throw new CliError(
          `there is no ${requestId} among the last refusals and closings`,
          'each node remembers its last 1,000, and tells the others of some within a second or two; its log goes further back',
        )
      }
      if (!note.holders) return { ...note, ...explained(note) }
      const holders = await stateNow(source, note.orgId, note.holders)
      return { ...note, ...explained(note, holders), holders }
    },
    show: tell,
  }))
}

/** Who held the slots then, with what has become of them, and of the nodes that they were on. */
async function stateNow(source: Source, orgId: string | undefined, then: readonly Holder[]): Promise<PlacedHolder[]> {
  const [{ nodes }, now] = await Promise.all([
    source.nodes(orgId),
    orgId === undefined ? undefined : source.holders(orgId),
  ])
  const placed = withNodes(then, nodes)
  if (now === undefined || now.truncated) return placed
  const held = new Set(now.connections.map(({ connectionId }) => connectionId))
  return placed.map((holder) => {
    if (held.has(holder.connectionId)) return holder
    const { freeInMs: _, ...rest } = holder
    return { ...rest, gone: true }
  })
}

function explained({ code }: Note, holders: readonly PlacedHolder[] = []): Partial<Explanation> {
  if (!Object.hasOwn(explanations, code)) return {}
  const explanation = explanations[code as RefusalCode]
  const todo = code === 'ORG_CONNECTION_LIMIT_EXCEEDED' ? insteadOfRoom(explanation.todo, holders) : explanation.todo
  return { ...explanation, todo }
}

/** Room that comes by itself need not be given. */
function insteadOfRoom(todo: string, holders: readonly PlacedHolder[]): string {
  const gone = holders.filter((holder) => holder.gone).length
  if (gone > 0) return `Try again: ${gone} of the holders below ${gone === 1 ? 'is' : 'are'} gone since. Else: ${todo}`
  const freeInMs = holders.flatMap((holder) => holder.freeInMs ?? [])
  if (freeInMs.length === 0) return todo
  const whose =
    freeInMs.length === 1 ? 'a node that is silent holds one' : `nodes that are silent hold ${freeInMs.length}`
  return `Wait: ${whose} of the slots, free in ${duration(Math.min(...freeInMs))} unless a heartbeat comes.`
}

type Explained = Note & Partial<Explanation> & { readonly holders?: readonly PlacedHolder[] }

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
