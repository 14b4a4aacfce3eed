// Limits the WebSockets of a plain ws server: three per org, over all processes that share REDIS_URL.
// Run `npm run build` first, then `node examples/plain-ws.mjs`, and connect with `?org=acme`.
import { createServer } from 'node:http'
import { createLimiter } from 'headcount'
import { WebSocketServer } from 'ws'

const limiter = createLimiter({ redis: process.env.REDIS_URL, limits: { org: 3 } })
// A load balancer's health check is plain HTTP: whoever gets no answer to it keeps the server from ending.
const server = createServer((_request, response) => response.writeHead(426).end('this is a WebSocket endpoint'))
const wss = new WebSocketServer({ noServer: true })
limiter.attach(server, wss, { identify })
wss.on('connection', (ws, _request, admission) => {
  ws.on('message', (data) => ws.send(`${admission.connectionId} heard ${data}`))
})
server.listen(process.env.PORT ?? 8080, () => console.log(`listening on ${server.address().port}`))

/** Whoever can name an org is let in here; a real server looks at a credential. */
function identify(request) {
  const org = new URL(request.url, 'http://localhost').searchParams.get('org')
  if (!org) return { identified: false, code: 'UNAUTHENTICATED' }
  return { identified: true, identity: { org, gateway: 'browser' } }
}

process.once('SIGTERM', async () => {
  await limiter.drain()
  server.close().closeAllConnections()
})
