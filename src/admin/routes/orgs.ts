import { Hono } from 'hono'
import { shownLimit } from '../../core/limits.js'
import type { ClusterStats, OrgStats } from '../../limiter/cluster-stats.js'
import { HOLDERS_TOLD } from '../../limiter/holders.js'
import type { Limiter } from '../../limiter/limiter.js'
import { fullest } from '../../limiter/utilisation.js'
import { type BucketsAway, MissingBuckets } from '../../store/missing-buckets.js'
import { readQuery } from '../query.js'
import { MOST_A_PAGE, queries } from '../schemas.js'

/** Pages that are looked at for the fullest: some 10,000 orgs. */
const PAGES_SORTED = 20

/** Who holds how many slots, and which connections. Org ids in paths are percent-encoded. */
export function orgsApp(limiter: Limiter): Hono {
  const { stats } = limiter
  const app = new Hono()
  let ranking: Promise<Ranking> | undefined
  /** One walk for all who ask meanwhile: each reads thousands of orgs, and a hundred of them would keep newcomers waiting. */
  const ranked = () => {
    ranking ??= rankOrgs(stats).finally(() => {
      ranking = undefined
    })
    return ranking
  }

  app.get('/orgs', async (context) => {
    const query = readQuery(context, queries.orgs)
    if (query instanceof Response) return query
    if (query.sort) {
      const { orgs, ...rest } = await ranked()
      return context.json({ orgs: orgs.slice(0, query.limit).map(shown), nextCursor: null, ...rest })
    }
    const partly = new MissingBuckets()
    const { orgs, cursor } = await stats.orgs(query.cursor, { partly })
    return context.json({ orgs: orgs.map(shown), nextCursor: cursor === '0' ? null : cursor, ...partly.told })
  })

  app.get('/orgs/:org/connections', async (context) => {
    return context.json(await stats.holders(context.req.param('org'), HOLDERS_TOLD))
  })

  return app
}

interface Ranking extends BucketsAway {
  /** The fullest first. */
  readonly orgs: readonly OrgStats[]
  readonly truncated: boolean
}

async function rankOrgs(stats: ClusterStats): Promise<Ranking> {
  const partly = new MissingBuckets()
  let [orgs, cursor] = [[] as OrgStats[], '0']
  for (let page = 0; page < PAGES_SORTED; page++) {
    const found = await stats.orgs(cursor, { partly })
    orgs = fullest([...orgs, ...found.orgs], MOST_A_PAGE)
    cursor = found.cursor
    if (cursor === '0') break
  }
  return { orgs, truncated: cursor !== '0', ...partly.told }
}

function shown(stats: OrgStats): object {
  return { ...stats, maxAllowed: shownLimit(stats.maxAllowed) }
}
