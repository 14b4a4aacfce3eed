import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Clock } from '../../core/clock.js'
import type { Limiter } from '../../limiter/limiter.js'
import type { AdminEnv } from '../auth.js'
import { MAX_BODY_BYTES, readLimitBody } from '../limit-body.js'
import { problem } from '../problem.js'
import { readQuery } from '../query.js'
import { queries } from '../schemas.js'
import { asShown } from '../shown.js'

/** What an org may hold and why, and how operators change it. A change binds the very next admission on every node. */
export function limitsApp(limiter: Limiter, clock: Clock): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>()
  const show = async (org: string) => asShown(await limiter.orgLimits(org))
  const change = async (context: Context<AdminEnv>, org: string, asked: object, make: () => Promise<void>) => {
    const before = await show(org)
    // The limit may be in force also where the answer of the store, or what is read afterwards, does not come.
    context.set('change', { before, asked })
    await make()
    const after = await show(org)
    context.set('change', { before, after })
    return context.json(after)
  }

  app.get('/orgs/:org', async (context) => {
    const org = context.req.param('org')
    return context.json(await show(org))
  })

  const onError = (context: Context) =>
    problem(context, 400, 'INVALID_LIMIT', `the body must not be longer than ${MAX_BODY_BYTES} bytes`)
  app.put('/orgs/:org/limit', bodyLimit({ maxSize: MAX_BODY_BYTES, onError }), async (context) => {
    const org = context.req.param('org')
    const asked = readLimitBody(await context.req.json().catch(() => undefined), clock.wallMs())
    if ('problem' in asked) return problem(context, 400, 'INVALID_LIMIT', asked.problem)
    return change(context, org, asShown(asked), () =>
      asked.tier === undefined
        ? limiter.setLimit(org, asked.limit, asked.terms)
        : limiter.setTier(org, asked.tier, asked.terms),
    )
  })

  app.delete('/orgs/:org/limit', async (context) => {
    const org = context.req.param('org')
    const terms = readQuery(context, queries.takeBack)
    if (terms instanceof Response) return terms
    return change(context, org, { limit: null, terms }, () => limiter.setLimit(org, undefined, terms))
  })

  app.delete('/orgs/:org/tier', async (context) => {
    const org = context.req.param('org')
    const terms = readQuery(context, queries.takeBack)
    if (terms instanceof Response) return terms
    return change(context, org, { tier: null, terms }, () => limiter.setTier(org, undefined, terms))
  })

  return app
}
