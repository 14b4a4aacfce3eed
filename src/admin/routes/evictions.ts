import { Hono } from 'hono'
import type { Limiter } from '../../limiter/limiter.js'
import { problem } from '../problem.js'
import { readQuery } from '../query.js'
import { queries } from '../schemas.js'

/**
 * Closes connections on whatever node they are. Answers 202 as soon as the orders are in the store: the owners obey
 * within a renew interval, and where there are thousands, at a pace.
 */
export function evictionsApp(limiter: Limiter): Hono {
  const app = new Hono()

  app.delete('/connections/:id', async (context) => {
    const connectionId = context.req.param('id')
    const query = readQuery(context, queries.evict)
    if (query instanceof Response) return query
    const { ordered, leaving } = await limiter.evict({ connectionId }, query)
    if (ordered + leaving === 0) return problem(context, 404, 'CONNECTION_NOT_FOUND')
    return context.json({ connectionId, ordered, leaving }, 202)
  })

  app.delete('/orgs/:org/connections', async (context) => {
    const orgId = context.req.param('org')
    const query = readQuery(context, queries.evict)
    if (query instanceof Response) return query
    return context.json({ orgId, ...(await limiter.evict({ orgId }, query)) }, 202)
  })

  return app
}
