import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import type { Note } from './cluster/source.js'
import { operates } from './operate.js'
import { wholeNumber } from './options/numbers.js'
import { type Page, table } from './terminal/page.js'
import { safe } from './terminal/safe-text.js'
import { duration } from './terminal/words.js'

const SHOWN = 20
const OF_NODE = 'these are of the node that was asked alone: its store does not answer, or takes nothing'

/** Adds `refusals`: who was refused or closed last, and why. */
export function addRefusalsCommand(program: Command): void {
  const command = program
    .command('refusals')
    .description('who was refused or closed last on any node, and why')
    .option('--org <org>', 'only those of this org')
    .option('-n, --most <count>', 'how many to show, up to 1000', wholeNumber(1, 1_000), SHOWN)
  operates(command, () => ({
    async ask(source) {
      const { org, most } = command.opts<{ org?: string; most: number }>()
      const { refusals, of } = await source.refusals({ ...(org !== undefined && { org }), limit: most })
      return { refusals, of }
    },
    show: ({ refusals, of }, page) => [
      ...noteTable(page, refusals),
      ...(refusals.length > 0 ? [page.paint('dim', 'headcount why ID explains one')] : []),
      ...(of === 'node' ? [page.paint('yellow', OF_NODE)] : []),
    ],
  }))
}

/** The newest first. */
export function noteTable(page: Page, notes: readonly Note[]): string[] {
  if (notes.length === 0) return ['nobody was refused or closed']
  const now = systemClock.wallMs()
  const columns = ['AGO', 'CODE', 'COUNT', 'ADDRESS', 'NODE', 'ID', 'ORG'].map((title) => ({ title }))
  const rows = notes.map(({ at, code, currentCount, maxAllowed, address, node, requestId, connectionId, orgId }) => [
    duration(now - Date.parse(at)),
    safe(code),
    currentCount === undefined ? '' : `${currentCount} of ${maxAllowed}`,
    safe(address ?? ''),
    safe(node),
    safe(requestId ?? connectionId ?? ''),
    safe(orgId ?? ''),
  ])
  return table(page, columns, rows)
}
