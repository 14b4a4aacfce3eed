import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { byUtilisation } from '../limiter/utilisation.js'
import { awayLines } from './cluster/buckets-away.js'
import { wholeOf } from './cluster/whole.js'
import { byName, nodeTable } from './nodes.js'
import { operates } from './operate.js'
import { orgTable } from './orgs.js'
import { noteTable } from './refusals.js'
import { counted } from './terminal/counted.js'
import { safe } from './terminal/safe-text.js'

const EVERY_SECONDS = 2
const MOST_NODES = 10
const MOST_NOTES = 8
/** What stands between the tables. */
const OTHER_LINES = 8
const MISSING = 'their orgs and what nodes hold there are not shown'
const NOTES_TOO = 'their orgs, what nodes hold there and who was refused are not shown'

/** Adds `top`: the cluster at a glance, again and again. */
export function addTopCommand(program: Command): void {
  const command = program.command('top').description('the cluster at a glance, live; q or Ctrl-C ends it')
  operates(command, () => ({
    watchSeconds: EVERY_SECONDS,
    async ask(source) {
      const { notes: refusals, away, ...found } = await wholeOf(source, MOST_NOTES)
      const [orgs, nodes] = [found.orgs.sort(byUtilisation), found.nodes.sort(byName)]
      const connections = nodes.reduce((sum, node) => sum + node.connections, 0)
      const totals = { nodes: nodes.length, connections, orgs: orgs.length }
      const at = new Date(systemClock.wallMs()).toISOString()
      return { at, from: source.description, totals, nodes, orgs: orgs.slice(0, 50), refusals, ...away }
    },
    show({ at, from, totals, nodes, orgs, refusals, ...away }, page) {
      const someNodes = nodes.slice(0, MOST_NODES)
      // The orgs get what is left of the screen.
      const missing = awayLines(away, page, refusals ? MISSING : NOTES_TOO)
      const others = someNodes.length + (refusals?.length ?? 0) + missing.length + OTHER_LINES
      const room = Math.max(3, page.rows - others)
      const { connections, nodes: nodeCount, orgs: orgCount } = totals
      const title = [counted(connections, 'connection'), counted(nodeCount, 'node'), counted(orgCount, 'org')].join(
        ', ',
      )
      return [
        `${page.paint('bold', title)}  ${page.paint('dim', `${safe(from)}  ${at.slice(11, 19)}`)}`,
        ...missing,
        '',
        ...nodeTable(page, someNodes),
        '',
        ...orgTable(page, orgs.slice(0, room)),
        '',
        ...(refusals ? noteTable(page, refusals) : []),
      ]
    },
  }))
}
