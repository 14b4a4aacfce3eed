import { Hono } from 'hono'
import { idProblem } from '../core/org-id.js'
import type { Refusals } from '../observe/refusals.js'
import { problem } from './problem.js'

const PAGE = 100
const MOST_A_PAGE = 1_000

/** Why gateways were refused and connections closed, in the whole cluster. */
export function refusalsApp(refusals: Refusals): Hono {
  const app = new Hono()
  app.get('/refusals', async (context) => {
    const { org: orgId, requestId, cursor, limit = String(PAGE) } = context.req.query()
    if (orgId !== undefined && idProblem(orgId)) {
      return problem(context, 400, 'INVALID_ORG', `The org id ${idProblem(orgId)}`)
    }
    if (cursor !== undefined && !/^\d{1,19}-\d{1,19}$/.test(cursor)) {
      return problem(context, 400, 'INVALID_CURSOR', 'The cursor must be one that an earlier page gave')
    }
    if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST_A_PAGE) {
      return problem(context, 400, 'INVALID_QUERY', `The limit must be a whole number from 1 to ${MOST_A_PAGE}`)
    }
    return context.json(await refusals.find({ orgId, requestId, cursor, limit: Number(limit) }))
  })
  return app
}
