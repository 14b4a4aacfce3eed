import { byUtilisation, utilisation } from '../../limiter/utilisation.js'
import type { Org, Source } from './source.js'

/** Each costs two questions more. */
const MOST_LOOKED_AT = 20

/** An org beside the limit that binds it. */
type BoundOrg = Pick<Org, 'orgId' | 'currentCount' | 'maxAllowed'>

/** The orgs that hold more than they may, the fullest first; of many that seem to, `unseen` were not looked at. */
export async function orgsOverLimit(
  source: Source,
  orgs: readonly Org[],
): Promise<{ over: BoundOrg[]; unseen: number }> {
  const seeming = orgs.filter(({ excess }) => excess !== undefined).sort(byUtilisation)
  const over: BoundOrg[] = []
  for (const { orgId } of seeming.slice(0, MOST_LOOKED_AT)) {
    const org = await asBound(source, orgId)
    if (typeof org.maxAllowed === 'number' && org.currentCount > org.maxAllowed) over.push(org)
  }
  return { over, unseen: Math.max(0, seeming.length - MOST_LOOKED_AT) }
}

/** The org that holds most of its limit; `unseen` others seem to hold more of theirs, and were too many to look at. */
export async function fullestOrg(
  source: Source,
  orgs: readonly Org[],
): Promise<{ fullest: BoundOrg | undefined; unseen: number }> {
  let fullest: BoundOrg | undefined
  const isNoFuller = (org: BoundOrg) => fullest !== undefined && share(org) <= share(fullest)
  const seeming = [...orgs].sort(byUtilisation)
  for (const [looks, told] of seeming.entries()) {
    if (isNoFuller(told)) break
    if (looks === MOST_LOOKED_AT)
      return { fullest, unseen: seeming.slice(looks).filter((org) => !isNoFuller(org)).length }
    const org = await asBound(source, told.orgId)
    if (!isNoFuller(org)) fullest = org
  }
  return { fullest, unseen: 0 }
}

function share(org: BoundOrg): number {
  return utilisation(org) ?? 0
}

/**
 * In its list of orgs a node compares those for which no operator has set a limit with the one that it knows itself.
 * What came with the requests may be far from that: then it is the highest with which any of the holders came
 * that are told.
 */
async function asBound(source: Source, orgId: string): Promise<BoundOrg> {
  const { currentCount, maxAllowed, override, assignedTier } = await source.limits(orgId)
  if (override || assignedTier) return { orgId, currentCount, maxAllowed }
  const { connections } = await source.holders(orgId)
  if (connections.length === 0) return { orgId, currentCount, maxAllowed }
  const most = Math.max(...connections.map(({ limit = Number.POSITIVE_INFINITY }) => limit))
  return { orgId, currentCount, maxAllowed: Number.isFinite(most) ? most : 'unlimited' }
}
