import { Hono } from 'hono'
import { idProblem } from '../core/org-id.js'
import type { Limiter } from '../limiter/limiter.js'
import type { OrgStats } from '../limiter/org-stats.js'
import { problem } from './problem.js'

const MAX_CONNECTIONS_SHOWN = 1_000

/** Who holds how many slots, and which connections. Org ids in paths are percent-encoded. */
export function orgsApp(limiter: Limiter): Hono {
  const { stats } = limiter
  const app = new Hono()

  app.get('/orgs', async (context) => {
    const cursor = context.req.query('cursor') ?? '0'
    if (!/^\d{1,20}$/.test(cursor)) {
      return problem(context, 400, 'INVALID_CURSOR', 'The cursor must be one that an earlier page gave')
    }
    const page = await stats.orgs(cursor)
    return context.json({ orgs: page.orgs.map(shown), nextCursor: page.cursor === '0' ? null : page.cursor })
  })

  app.get('/orgs/:org/connections', async (context) => {
    const org = context.req.param('org')
    if (idProblem(org)) return problem(context, 400, 'INVALID_ORG', `The org id ${idProblem(org)}`)
    const connections = await stats.connections(org, MAX_CONNECTIONS_SHOWN)
    return context.json({ orgId: org, connections, truncated: connections.length === MAX_CONNECTIONS_SHOWN })
  })

  return app
}

/** JSON has no infinity. */
function shown(stats: OrgStats): object {
  return { ...stats, maxAllowed: stats.maxAllowed === Number.POSITIVE_INFINITY ? 'unlimited' : stats.maxAllowed }
}
