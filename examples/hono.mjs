// Hono answers plain HTTP, headcount owns the upgrades: three WebSockets per org, over all processes that share
// REDIS_URL. Run `npm run build` first, then `node examples/hono.mjs`, and connect with the header `api-key: key-acme`.
import { serve } from '@hono/node-server'
import { createLimiter } from 'headcount'
import { Hono } from 'hono'
import { WebSocketServer } from 'ws'

const orgsByKey = new Map([
  ['key-acme', 'acme'],
  ['key-globex', 'globex'],
])

const limiter = createLimiter({ redis: process.env.REDIS_URL, limits: { org: 3 } })
const app = new Hono()
app.get('/orgs/:org', async (context) => context.json(await limiter.orgStats(context.req.param('org'))))
const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8080) }, ({ port }) => {
  console.log(`listening on ${port}`)
})
const wss = new WebSocketServer({ noServer: true })
wss.on('connection', (ws) => ws.send('welcome'))
limiter.attach(server, wss, { identify, accepts: (path) => path === '/ws' })

function identify(request) {
  const org = orgsByKey.get(request.headers['api-key'])
  if (!org) return { identified: false, code: 'UNAUTHENTICATED' }
  return { identified: true, identity: { org, gateway: org } }
}

process.once('SIGTERM', async () => {
  await limiter.drain()
  server.close().closeAllConnections()
})
