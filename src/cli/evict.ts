import type { Command } from 'commander'
import type { Answer } from '../admin/answers.js'
import { operates, type View } from './operate.js'
import { counted } from './terminal/counted.js'
import { safe } from './terminal/safe-text.js'

type Ordered = Answer<'evicted'>

/** Adds `disconnect` and `evict`: close one connection, or all that an org holds, on whatever node they are. */
export function addEvictCommands(program: Command): void {
  const disconnect = withReason(program.command('disconnect'))
    .description('close one connection with 4409; nothing keeps its client from coming back')
    .argument('<connection>', 'id of the connection, as `headcount org` shows it')
  const disconnectView: View<Ordered> = {
    ask: (source) => source.admin('DELETE', `connections/${pathOf(disconnect)}`, 'evicted'),
    show: (answer) => [`${safe(disconnect.args[0]!)}: ${told(answer)}`],
  }
  operates(disconnect, () => disconnectView, 'changes')
  const evict = withReason(program.command('evict'))
    .description('close all that an org holds with 4409; `limit set ORG 0` first keeps it out')
    .argument('<org>', 'id of the org')
  const evictView: View<Ordered> = {
    ask: (source) => source.admin('DELETE', `orgs/${pathOf(evict, '/connections')}`, 'evicted'),
    show: (answer) => [
      `${safe(evict.args[0]!)}: ${told(answer)}`,
      ...(answer.truncated ? ['  there are more: say it again'] : []),
    ],
  }
  operates(evict, () => evictView, 'changes')
}

function withReason(command: Command): Command {
  return command.option('--reason <text>', 'for the log of the node that is asked')
}

function pathOf(command: Command, rest = ''): string {
  const { reason } = command.opts<{ reason?: string }>()
  const query = reason === undefined ? '' : `?${new URLSearchParams({ reason })}`
  return `${encodeURIComponent(command.args[0]!)}${rest}${query}`
}

function told({ ordered, leaving }: Ordered): string {
  const before = leaving > 0 ? `, ${counted(leaving, 'was', 'were')} leaving already` : ''
  return `${ordered} told to close, within a renew interval${before}`
}
