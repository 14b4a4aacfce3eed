import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { byLease } from '../limiter/by-lease.js'
import type { Holder, NodeRow, OrgLimits } from './cluster/source.js'
import { operates } from './operate.js'
import { type Cell, type Page, table } from './terminal/page.js'
import { safe } from './terminal/safe-text.js'
import { duration, limitWord, termsOf } from './terminal/words.js'

/** Adds `org`: what one org may hold, why, and who holds it. */
export function addOrgCommand(program: Command): void {
  const command = program
    .command('org')
    .description('what an org may hold and why, and who holds its slots')
    .argument('<org>', 'id of the org')
  operates(command, () => ({
    async ask(source) {
      const [orgId = ''] = command.args
      const [limits, holders, { nodes }] = await Promise.all([
        source.limits(orgId),
        source.holders(orgId),
        source.nodes(orgId),
      ])
      const connections = withNodes(holders.connections, nodes)
      return { ...limits, connections, truncated: holders.truncated }
    },
    show: (answer, page) => [
      ...limitLines(answer, page),
      '',
      ...holderTable(page, answer.connections),
      ...(answer.truncated ? [page.paint('dim', `only the first ${answer.connections.length} are shown`)] : []),
    ],
  }))
}

export interface PlacedHolder extends Holder {
  /** Where that node has missed a heartbeat: in how many ms its lease ends, and the slot is free, if none comes. */
  readonly freeInMs?: number
  /** It held a slot once, and holds none any more. */
  readonly gone?: boolean
}

/** Each with the node that its lease belongs to, where that is still known. */
export function withNodes(holders: readonly Holder[], nodes: readonly NodeRow[]): PlacedHolder[] {
  const nodeOf = byLease(nodes)
  return holders.map((holder) => {
    const node = nodeOf.get(holder.lease)
    if (node === undefined) return holder
    const { name, late, leaseExpiresInMs } = node
    const isSilent = late === true || leaseExpiresInMs <= 0
    return { ...holder, node: name, ...(isSilent && { freeInMs: Math.max(0, leaseExpiresInMs) }) }
  })
}

function limitLines(limits: OrgLimits, page: Page): string[] {
  const { orgId, currentCount, maxAllowed, excess, override, assignedTier, limitFrom } = limits
  const full = typeof maxAllowed === 'number' && currentCount >= maxAllowed ? ', full' : ''
  const over = excess === undefined ? '' : page.paint('red', `, ${excess} too many`)
  const hidden = limitFrom === 'override' && assignedTier ? [`  beside it  tier ${tierOf(limits)}`] : []
  return [
    `${page.paint('bold', safe(orgId))}: ${currentCount} of ${limitWord(maxAllowed)}${full}${over}`,
    `  limit      ${reasonOf(limits)}`,
    ...(override || !assignedTier ? [] : [`  tier       ${tierOf(limits)}`]),
    ...hidden,
  ]
}

/** Where the limit in force comes from. */
function reasonOf({ limitFrom, maxAllowed, override, tier }: OrgLimits): string {
  const limit = limitWord(maxAllowed)
  const now = systemClock.wallMs()
  if (limitFrom === 'override') return safe(`${limit}: an operator's override${override ? termsOf(override, now) : ''}`)
  if (limitFrom === 'tier') return safe(`${limit}: that of ${tier === null ? 'its tier' : `the tier ${tier}`}`)
  if (limitFrom === 'default') return `${limit}: the default of the node that was asked`
  return 'the default or tier that the nodes know, and Redis does not'
}

function tierOf({ tier, assignedTier }: OrgLimits): string {
  const terms = assignedTier ? termsOf(assignedTier, systemClock.wallMs()) : ''
  return safe(`${tier ?? 'assigned'} (${assignedTier?.limit})${terms}`)
}

/** Who holds slots, the oldest first. */
export function holderTable(page: Page, holders: readonly PlacedHolder[]): string[] {
  if (holders.length === 0) return ['nobody holds a slot']
  const now = systemClock.wallMs()
  const isTold = holders.some((holder) => stateOf(holder) !== '')
  const titles = ['CONNECTION', 'AGE', 'NODE', ...(isTold ? ['STATE'] : []), 'ADDRESS', 'GATEWAY', 'INSTANCE']
  const bySince = [...holders].sort((one, other) => ((one.since ?? '') < (other.since ?? '') ? -1 : 1))
  const rows = bySince.map((holder): Cell[] => {
    const { connectionId, since, node, lease, address, gateway, instance } = holder
    const state: Cell = { text: stateOf(holder), paint: holder.gone ? 'dim' : 'red' }
    return [
      safe(connectionId),
      since === undefined || Number.isNaN(Date.parse(since)) ? '' : duration(now - Date.parse(since)),
      safe(node ?? `lease ${lease}`),
      ...(isTold ? [state] : []),
      safe(address ?? ''),
      safe(gateway ?? ''),
      safe(instance ?? ''),
    ]
  })
  return table(
    page,
    titles.map((title) => ({ title })),
    rows,
  )
}

/** What is odd about a holder; empty for one whose node renews its lease. */
function stateOf({ gone, freeInMs }: PlacedHolder): string {
  if (gone) return 'gone since'
  if (freeInMs === undefined) return ''
  return freeInMs > 0 ? `node silent, free in ${duration(freeInMs)}` : 'lease over'
}
