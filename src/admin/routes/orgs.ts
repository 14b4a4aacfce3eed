import { Hono } from 'hono'
import { shownLimit } from '../../core/limits.js'
import type { ClusterStats, OrgStats } from '../../limiter/cluster-stats.js'
import { HOLDERS_TOLD } from '../../limiter/holders.js'
import type { Limiter } from '../../limiter/limiter.js'
import { fullest } from '../../limiter/utilisation.js'
import { MissingBuckets } from '../../store/missing-buckets.js'
import { readQuery } from '../query.js'
import { queries } from '../schemas.js'

/** Pages that are looked at for the fullest: some 10,000 orgs. */
const PAGES_SORTED = 20

/** Who holds how many slots, and which connections. Org ids in paths are percent-encoded. */
export function orgsApp(limiter: Limiter): Hono {
  const { stats } = limiter
  const app = new Hono()

  app.get('/orgs', async (context) => {
    const query = readQuery(context, queries.orgs)
    if (query instanceof Response) return query
    const partly = new MissingBuckets()
    if (query.sort) {
      const { orgs, truncated } = await fullestOrgs(stats, query.limit, partly)
      return context.json({ orgs: orgs.map(shown), nextCursor: null, truncated, ...partly.told })
    }
    const { orgs, cursor } = await stats.orgs(query.cursor, { partly })
    return context.json({ orgs: orgs.map(shown), nextCursor: cursor === '0' ? null : cursor, ...partly.told })
  })

  app.get('/orgs/:org/connections', async (context) => {
    return context.json(await stats.holders(context.req.param('org'), HOLDERS_TOLD))
  })

  return app
}

async function fullestOrgs(
  stats: ClusterStats,
  most: number,
  partly: MissingBuckets,
): Promise<{ orgs: OrgStats[]; truncated: boolean }> {
  let [orgs, cursor] = [[] as OrgStats[], '0']
  for (let page = 0; page < PAGES_SORTED; page++) {
    const found = await stats.orgs(cursor, { partly })
    orgs = fullest([...orgs, ...found.orgs], most)
    cursor = found.cursor
    if (cursor === '0') break
  }
  return { orgs, truncated: cursor !== '0' }
}

function shown(stats: OrgStats): object {
  return { ...stats, maxAllowed: shownLimit(stats.maxAllowed) }
}
