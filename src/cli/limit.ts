import { userInfo } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import { parseDurationMs } from '../core/durations.js'
import type { OrgLimits } from './cluster/source.js'
import { operates, type View } from './operate.js'
import { safe } from './terminal/safe-text.js'
import { limitWord } from './terminal/words.js'

interface SetOptions {
  readonly for?: string
  readonly note?: string
  readonly by?: string
  readonly closeSurplus?: 'newest' | 'oldest'
}

/** Adds `limit set` and `limit clear`: an operator's override of the limit of an org. */
export function addLimitCommand(program: Command): void {
  const limit = program.command('limit').description('give an org another limit than its own, or take that back')
  const set = limit
    .command('set')
    .description('binds the very next admission on every node')
    .argument('<org>', 'id of the org')
    .argument('<limit>', 'a whole number from 0, or unlimited', parseLimit)
    .option('--for <duration>', 'how long, such as 90s or 1h; until it is cleared where absent', parseFor)
    .option('--note <text>', 'why')
    .option('--by <name>', 'who asks for it; the user of this machine where absent')
    .option('--close-surplus <which>', 'close the newest or the oldest of what the org then has too many', parseWhich)
  const setView: View<OrgLimits> = {
    ask(source) {
      const [orgId, asked] = set.processedArgs as [string, number | 'unlimited']
      const { for: duration, note, by = userName(), closeSurplus } = set.opts<SetOptions>()
      const body = { limit: asked, for: duration, note, by, onLowered: closeSurplus }
      return source.admin('PUT', `orgs/${encodeURIComponent(orgId)}/limit`, 'org', body)
    },
    show: linesOf,
  }
  operates(set, () => setView, 'changes')
  const clear = limit
    .command('clear')
    .description('the limit of its tier, or the default, is in force again')
    .argument('<org>', 'id of the org')
    .option('--note <text>', 'why')
    .option('--by <name>', 'who asks for it; the user of this machine where absent')
  const clearView: View<OrgLimits> = {
    ask(source) {
      const { note, by = userName() } = clear.opts<SetOptions>()
      const query = new URLSearchParams({ ...(note !== undefined && { note }), ...(by !== undefined && { by }) })
      return source.admin('DELETE', `orgs/${encodeURIComponent(clear.args[0]!)}/limit?${query}`, 'org')
    },
    show: linesOf,
  }
  operates(clear, () => clearView, 'changes')
}

function linesOf(limits: OrgLimits): string[] {
  const { orgId, currentCount, maxAllowed, limitFrom, excess } = limits
  const why = limitFrom === 'override' ? limitFrom : limitFrom === 'tier' ? 'its tier' : 'the default'
  const line = `${safe(orgId)}: ${currentCount} of ${limitWord(maxAllowed)} (${why})`
  return excess === undefined ? [line] : [line, `  ${excess} too many: ${fateOf(limits)}`]
}

/** What becomes of the surplus: as the call that set the limit in force wants it, else as each node is set to. */
function fateOf({ limitFrom, override, assignedTier }: OrgLimits): string {
  const { onLowered } = (limitFrom === 'override' ? override : assignedTier) ?? {}
  if (onLowered === 'keep') return 'they stay until they leave'
  if (onLowered !== undefined) return `told to close, the ${onLowered} first, within a renew interval`
  return 'they stay or are closed, as HEADCOUNT_ON_LIMIT_LOWERED of the nodes says; `limit set` with --close-surplus closes them'
}

/** Operators share a token; what the machine calls them is better than nothing. Some containers know no user. */
function userName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

function parseLimit(text: string): number | 'unlimited' {
  if (text === 'unlimited') return text
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0, or "unlimited".')
}

function parseFor(text: string): string {
  if ((parseDurationMs(text) ?? 0) >= 1) return text
  throw new InvalidArgumentError('It must be a duration with its unit, such as 90s, 15m or 1h.')
}

function parseWhich(text: string): string {
  if (text === 'newest' || text === 'oldest') return text
  throw new InvalidArgumentError('It must be newest or oldest.')
}
