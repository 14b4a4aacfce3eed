import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { idProblem } from '../core/org-id.js'
import type { Limiter } from '../limiter/limiter.js'
import type { OrgStats } from '../limiter/org-stats.js'
import { problem } from './problem.js'

const MAX_CONNECTIONS_SHOWN = 1_000
const MAX_BODY_BYTES = 4_096

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

  app.get('/orgs/:org', async (context) => {
    const org = context.req.param('org')
    if (idProblem(org)) return problem(context, 400, 'INVALID_ORG', `The org id ${idProblem(org)}`)
    return context.json(shown(await stats.org(org)))
  })

  app.get('/orgs/:org/connections', async (context) => {
    const org = context.req.param('org')
    if (idProblem(org)) return problem(context, 400, 'INVALID_ORG', `The org id ${idProblem(org)}`)
    const connections = await stats.connections(org, MAX_CONNECTIONS_SHOWN)
    return context.json({ orgId: org, connections, truncated: connections.length === MAX_CONNECTIONS_SHOWN })
  })

  const onError = (context: Context) =>
    problem(context, 400, 'INVALID_LIMIT', `The body must not be longer than ${MAX_BODY_BYTES} bytes`)
  app.put('/orgs/:org/limit', bodyLimit({ maxSize: MAX_BODY_BYTES, onError }), async (context) => {
    const body: unknown = await context.req.json().catch(() => undefined)
    const limit = limitOf(body)
    if (limit === undefined) {
      return problem(
        context,
        400,
        'INVALID_LIMIT',
        'The body must be {"limit": N}, N a whole number from 0 or "unlimited"',
      )
    }
    await limiter.setLimit(context.req.param('org'), limit)
    return context.json(shown(await stats.org(context.req.param('org'))))
  })

  app.delete('/orgs/:org/limit', async (context) => {
    await limiter.setLimit(context.req.param('org'), undefined)
    return context.json(shown(await stats.org(context.req.param('org'))))
  })

  return app
}

function limitOf(body: unknown): number | undefined {
  const limit = typeof body === 'object' && body !== null && 'limit' in body ? body.limit : undefined
  if (limit === 'unlimited') return Number.POSITIVE_INFINITY
  return typeof limit === 'number' && Number.isSafeInteger(limit) && limit >= 0 ? limit : undefined
}

/** JSON has no infinity. */
function shown(stats: OrgStats): object {
  return { ...stats, maxAllowed: stats.maxAllowed === Number.POSITIVE_INFINITY ? 'unlimited' : stats.maxAllowed }
}
