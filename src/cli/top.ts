import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { byUtilisation } from '../core/utilisation.js'
import { counted } from './counted.js'
import { byName, nodeTable } from './nodes.js'
import { operates } from './operate.js'
import { orgTable } from './orgs.js'
import { noteTable } from './refusals.js'
import { safe } from './safe-text.js'

const EVERY_SECONDS = 2
const MOST_NODES = 10
const MOST_NOTES = 8
/** What stands between the tables. */
const OTHER_LINES = 8

/** Adds `top`: the cluster at a glance, again and again. */
export function addTopCommand(program: Command): void {
  const command = program.command('top').description('the cluster at a glance, live; q or Ctrl-C ends it')
  operates(command, () => ({
    watchSeconds: EVERY_SECONDS,
    async ask(source) {
      const [orgs, found, refusals] = await Promise.all([
        source.orgs(),
        source.nodes(),
        source.refusals({ limit: MOST_NOTES }),
      ])
      const nodes = [...found].sort(byName)
      const connections = nodes.reduce((sum, node) => sum + node.connections, 0)
      const totals = { nodes: nodes.length, connections, orgs: orgs.length }
      const at = new Date(systemClock.wallMs()).toISOString()
      return { at, from: source.description, totals, nodes, orgs: orgs.sort(byUtilisation).slice(0, 50), refusals }
    },
    show({ at, from, totals, nodes, orgs, refusals }, page) {
      const someNodes = nodes.slice(0, MOST_NODES)
      // The orgs get what is left of the screen.
      const room = Math.max(3, page.rows - someNodes.length - refusals.length - OTHER_LINES)
      const { connections, nodes: nodeCount, orgs: orgCount } = totals
      const title = [counted(connections, 'connection'), counted(nodeCount, 'node'), counted(orgCount, 'org')].join(
        ', ',
      )
      return [
        `${page.paint('bold', title)}  ${page.paint('dim', `${safe(from)}  ${at.slice(11, 19)}`)}`,
        '',
        ...nodeTable(page, someNodes),
        '',
        ...orgTable(page, orgs.slice(0, room)),
        '',
        ...noteTable(page, refusals),
      ]
    },
  }))
}
