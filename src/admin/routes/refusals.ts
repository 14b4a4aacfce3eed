import { Hono } from 'hono'
import type { Refusals } from '../../observe/refusals/refusals.js'
import { readQuery } from '../query.js'
import { queries } from '../schemas.js'

/** Why gateways were refused and connections closed, in the whole cluster. */
export function refusalsApp(refusals: Refusals): Hono {
  const app = new Hono()
  app.get('/refusals', async (context) => {
    const query = readQuery(context, queries.refusals)
    if (query instanceof Response) return query
    const { org: orgId, ...rest } = query
    return context.json(await refusals.find({ orgId, ...rest }))
  })
  return app
}
