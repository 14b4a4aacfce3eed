import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { awayLines } from './cluster/buckets-away.js'
import { settingDifferences } from './cluster/differences.js'
import type { NodeRow } from './cluster/source.js'
import { operates } from './operate.js'
import { type Cell, type Page, table } from './terminal/page.js'
import { safe } from './terminal/safe-text.js'
import { duration } from './terminal/words.js'

/** Adds `nodes`: which nodes there are and whether they still renew their leases. */
export function addNodesCommand(program: Command): void {
  const command = program
    .command('nodes')
    .description('nodes with a lease, when they last renewed it, how long it lasts, and what they hold')
  operates(command, () => ({
    async ask(source) {
      const { nodes, ...away } = await source.nodes()
      return { nodes: nodes.sort(byName), ...away }
    },
    show: ({ nodes, ...away }, page) => [
      ...nodeTable(page, nodes),
      ...differenceLines(page, nodes),
      ...awayLines(away, page, 'what nodes hold there is not counted'),
    ],
  }))
}

/** A lease that has lapsed belongs to a node that does not renew it: dead, frozen or cut off from Redis. */
export function nodeTable(page: Page, nodes: readonly NodeRow[]): string[] {
  if (nodes.length === 0) return ['no node has a lease']
  const now = systemClock.wallMs()
  const right = true
  // Who is to say which of them is meant, as `drain` asks, says its lease.
  const isAmbiguous = new Set(nodes.map(({ name }) => name)).size < nodes.length
  const columns = [
    { title: 'HELD', right },
    { title: 'HEARTBEAT', right },
    { title: 'LEASE ENDS IN', right },
    { title: 'UP', right },
    { title: 'VERSION' },
    ...(isAmbiguous ? [{ title: 'LEASE', right }] : []),
    { title: 'NODE' },
  ]
  const rows = nodes.map((node): Cell[] => {
    const { name, connections, lease, leaseExpiresInMs, startedAt, version = '' } = node
    const ends: Cell = leaseExpiresInMs > 0 ? duration(leaseExpiresInMs) : { text: 'has lapsed', paint: 'red' }
    const isDated = startedAt !== undefined && !Number.isNaN(Date.parse(startedAt))
    const up = isDated ? duration(now - Date.parse(startedAt)) : ''
    return [
      String(connections),
      heartbeatOf(node),
      ends,
      up,
      safe(version),
      ...(isAmbiguous ? [String(lease)] : []),
      safe(name),
    ]
  })
  return table(page, columns, rows)
}

/** Whether all would decide alike; by what values they differ, and for how long, doctor says. */
function differenceLines(page: Page, nodes: readonly NodeRow[]): string[] {
  const named = [...settingDifferences(nodes).keys()].map(safe)
  return named.length === 0 ? [] : [page.paint('yellow', `they differ in ${named.join(', ')}: see headcount doctor`)]
}

/** Empty where the times of a lease are not known: nodes of older versions do not tell Redis theirs. */
function heartbeatOf({ heartbeatAgeMs, late }: NodeRow): Cell {
  if (heartbeatAgeMs === undefined) return ''
  return late ? { text: `silent for ${duration(heartbeatAgeMs)}`, paint: 'red' } : `${duration(heartbeatAgeMs)} ago`
}

/** The order in which nodes are shown: one that looks again finds each where it was. */
export function byName(one: NodeRow, other: NodeRow): number {
  if (one.name === other.name) return one.lease - other.lease
  return one.name < other.name ? -1 : 1
}
