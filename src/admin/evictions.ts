import { type Context, Hono } from 'hono'
import { idProblem } from '../core/org-id.js'
import type { Limiter } from '../limiter/limiter.js'
import { problem } from './problem.js'

const MAX_REASON_LENGTH = 256

/**
 * Closes connections on whatever node they are. Answers 202 as soon as the orders are in the store: the owners obey
 * within a renew interval, and where there are thousands, at a pace.
 */
export function evictionsApp(limiter: Limiter): Hono {
  const app = new Hono()

  app.delete('/connections/:id', async (context) => {
    const connectionId = context.req.param('id')
    const reason = reasonOf(context)
    if (reason instanceof Response) return reason
    const { ordered, leaving } = await limiter.evict({ connectionId }, reason)
    if (ordered + leaving === 0) return problem(context, 404, 'NOT_FOUND', 'No node holds such a connection')
    return context.json({ connectionId, ordered, leaving }, 202)
  })

  app.delete('/orgs/:org/connections', async (context) => {
    const orgId = context.req.param('org')
    if (idProblem(orgId)) return problem(context, 400, 'INVALID_ORG', `The org id ${idProblem(orgId)}`)
    const reason = reasonOf(context)
    if (reason instanceof Response) return reason
    return context.json({ orgId, ...(await limiter.evict({ orgId }, reason)) }, 202)
  })

  return app
}

/** Why, for the logs; the refusal where it is no reason. */
function reasonOf(context: Context): { readonly reason?: string } | Response {
  const reason = context.req.query('reason')
  if (reason === undefined) return {}
  if (reason.length > 0 && reason.length <= MAX_REASON_LENGTH) return { reason }
  return problem(context, 400, 'INVALID_REASON', `A reason must have 1 to ${MAX_REASON_LENGTH} characters`)
}
