import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { systemClock } from '../core/clock.js'
import { idProblem } from '../core/org-id.js'
import type { Limiter } from '../limiter/limiter.js'
import type { LimitTerms } from '../node/limit-terms.js'
import { LIMIT_BODY, readLimitBody } from './limit-body.js'
import { problem } from './problem.js'

const MAX_BODY_BYTES = 4_096

/** What an org may hold and why, and how operators change it. A change binds the very next admission on every node. */
export function limitsApp(limiter: Limiter): Hono {
  const app = new Hono()
  const show = async (context: Context, org: string) => context.json(shown(await limiter.orgLimits(org)))

  app.get('/orgs/:org', async (context) => {
    const org = context.req.param('org')
    if (idProblem(org)) return problem(context, 400, 'INVALID_ORG', `The org id ${idProblem(org)}`)
    return show(context, org)
  })

  const onError = (context: Context) =>
    problem(context, 400, 'INVALID_LIMIT', `The body must not be longer than ${MAX_BODY_BYTES} bytes`)
  app.put('/orgs/:org/limit', bodyLimit({ maxSize: MAX_BODY_BYTES, onError }), async (context) => {
    const org = context.req.param('org')
    const change = readLimitBody(await context.req.json().catch(() => undefined), systemClock.wallMs())
    if (!change) return problem(context, 400, 'INVALID_LIMIT', LIMIT_BODY)
    if (change.tier !== undefined) await limiter.setTier(org, change.tier, change.terms)
    else await limiter.setLimit(org, change.limit, change.terms)
    return show(context, org)
  })

  app.delete('/orgs/:org/limit', async (context) => {
    await limiter.setLimit(context.req.param('org'), undefined, whoAndWhy(context))
    return show(context, context.req.param('org'))
  })

  app.delete('/orgs/:org/tier', async (context) => {
    await limiter.setTier(context.req.param('org'), undefined, whoAndWhy(context))
    return show(context, context.req.param('org'))
  })

  return app
}

/** A DELETE has no body, so who takes something back and why stands in the query. */
function whoAndWhy(context: Context): LimitTerms {
  const { note, by } = context.req.query()
  return { ...(note !== undefined && { note }), ...(by !== undefined && { by }) }
}

/** JSON has no infinity, and says null where there is none. */
function shown(limits: object): object {
  return JSON.parse(
    JSON.stringify(limits, (_, value: unknown) => {
      if (value === Number.POSITIVE_INFINITY) return 'unlimited'
      return value === undefined ? null : value
    }),
  ) as object
}
