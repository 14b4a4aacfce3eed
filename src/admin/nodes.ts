import { Hono } from 'hono'
import type { Limiter } from '../limiter/limiter.js'

/** The nodes with a live lease, and the totals of this node and of the cluster. */
export function nodesApp(limiter: Limiter, nodeName: string): Hono {
  const app = new Hono()

  app.get('/nodes', async (context) => context.json({ nodes: await limiter.stats.nodes() }))

  app.get('/stats', async (context) => {
    const nodes = await limiter.stats.nodes()
    const { phase, connections, storeReachable, storeDescription } = limiter
    return context.json({
      node: { name: nodeName, phase, connections, storeReachable },
      store: storeDescription,
      cluster: { nodes: nodes.length, connections: nodes.reduce((sum, node) => sum + node.connections, 0) },
    })
  })

  return app
}
