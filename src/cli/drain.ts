import type { Command } from 'commander'
import type { Answer } from '../admin/answers.js'
import { operates, type View } from './operate.js'
import { safe } from './terminal/safe-text.js'

/** Adds `drain`: one node stops, told by any other. */
export function addDrainCommand(program: Command): void {
  const drain = program
    .command('drain')
    .description('tell a node to stop as on SIGTERM: it refuses, closes with 1012, and exits with 0')
    .argument('<node>', 'its name, or its lease as `headcount nodes --json` shows it')
  const view: View<Answer<'drained'>> = {
    ask: (source) => source.admin('POST', `nodes/${encodeURIComponent(drain.args[0]!)}/drain`, 'drained'),
    show: ({ name, connections, ordered }) => [
      `${safe(name)}: ${ordered ? 'told to stop' : 'had been told to stop'}, with ${connections} open`,
    ],
  }
  operates(drain, () => view, 'changes')
}
