import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { operates } from './operate.js'
import { type Page, table } from './page.js'
import { safe } from './safe-text.js'
import type { NodeRow } from './source.js'
import { duration } from './words.js'

/** Adds `nodes`: which nodes there are and whether they still renew their leases. */
export function addNodesCommand(program: Command): void {
  operates(program.command('nodes').description('nodes with a lease, how long it lasts, and what they hold'), () => ({
    ask: async (source) => ({ nodes: [...(await source.nodes())].sort(byName) }),
    show: ({ nodes }, page) => nodeTable(page, nodes),
  }))
}

/** A lease that has lapsed belongs to a node that does not renew it: dead, frozen or cut off from Redis. */
export function nodeTable(page: Page, nodes: readonly NodeRow[]): string[] {
  if (nodes.length === 0) return ['no node has a lease']
  const now = systemClock.wallMs()
  const right = true
  const columns = [
    { title: 'HELD', right },
    { title: 'LEASE ENDS IN', right },
    { title: 'UP', right },
    { title: 'NODE' },
  ]
  const rows = nodes.map(({ name, connections, leaseExpiresInMs, startedAt }) => [
    String(connections),
    leaseExpiresInMs > 0 ? duration(leaseExpiresInMs) : ({ text: 'has lapsed', paint: 'red' } as const),
    startedAt === undefined || Number.isNaN(Date.parse(startedAt)) ? '' : duration(now - Date.parse(startedAt)),
    safe(String(name)),
  ])
  return table(page, columns, rows)
}

function byName({ name: one }: NodeRow, { name: other }: NodeRow): number {
  return one < other ? -1 : 1
}
