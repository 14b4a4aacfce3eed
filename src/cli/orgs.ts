import type { Command } from 'commander'
import { byUtilisation, utilisation } from '../limiter/utilisation.js'
import { awayLines } from './cluster/buckets-away.js'
import type { Org } from './cluster/source.js'
import { operates } from './operate.js'
import { wholeNumber } from './options/numbers.js'
import { type Cell, type Page, table } from './terminal/page.js'
import { safe } from './terminal/safe-text.js'
import { limitWord } from './terminal/words.js'

const SHOWN = 50
const BAR = 20

/** Adds `orgs`: who is how full. */
export function addOrgsCommand(program: Command): void {
  const command = program
    .command('orgs')
    .description('orgs that hold slots or for which an operator has set a limit or tier, the fullest first')
    .option('-n, --most <count>', 'how many to show', wholeNumber(1), SHOWN)
    .option('--all', 'show all', false)
  operates(command, () => {
    const { most, all } = command.opts<{ most: number; all: boolean }>()
    return {
      async ask(source) {
        const { orgs: found, ...away } = await source.orgs()
        const orgs = found.sort(byUtilisation)
        const shown = all ? orgs : orgs.slice(0, most)
        return { orgs: shown, total: orgs.length, ...away }
      },
      show: ({ orgs, total, ...away }, page) => [
        ...orgTable(page, orgs),
        ...(total > orgs.length ? [page.paint('dim', `and ${total - orgs.length} more: --all shows them`)] : []),
        ...awayLines(away, page, 'their orgs are not shown'),
      ],
    }
  })
}

/** A row each: count, limit and share come first, because the names are others' and as long as they like. */
export function orgTable(page: Page, orgs: readonly Org[]): string[] {
  if (orgs.length === 0) return ['no org holds a slot, and no operator has set a limit or tier']
  const columns = [
    { title: 'HELD', right: true },
    { title: 'LIMIT', right: true },
  ]
  const rows = orgs.map((org) => {
    const share = utilisation(org)
    const percent = share === undefined ? '' : `${Math.floor(100 * share)}%`
    return [String(org.currentCount), limitWord(org.maxAllowed), painted(percent, share), bar(share), safe(org.orgId)]
  })
  return table(page, [...columns, { title: 'FULL', right: true }, { title: '' }, { title: 'ORG' }], rows)
}

function painted(text: string, share = 0): Cell {
  if (share > 1) return { text, paint: 'red' }
  return share >= 0.8 ? { text, paint: 'yellow' } : text
}

function bar(share = 0): string {
  const filled = Math.max(0, Math.min(BAR, Math.ceil(BAR * share)))
  return '█'.repeat(filled) + '·'.repeat(BAR - filled)
}
