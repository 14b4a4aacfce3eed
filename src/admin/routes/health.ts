import { Hono } from 'hono'
import type { Limiter } from '../../limiter/limiter.js'

/**
 * `/livez` answers as long as the process turns; it never asks the store, so that a broken Redis restarts no node.
 * `/readyz` is 503 only while starting or draining: a node whose store is away still holds its connections, and taking
 * it out of the load balancer would help nobody.
 */
export function healthApp(limiter: Limiter): Hono {
  const app = new Hono()
  app.get('/livez', (context) => context.json({ status: 'ok' }))
  app.get('/readyz', (context) => {
    const { phase, connections } = limiter
    const store = limiter.embedded ? 'embedded' : 'redis'
    const ready = phase === 'running'
    context.header('Cache-Control', 'no-store')
    return context.json(
      { status: ready ? 'ok' : 'unavailable', phase, store, storeReachable: limiter.storeReachable, connections },
      ready ? 200 : 503,
    )
  })
  return app
}
