import { Hono } from 'hono'
import { leasesOf } from '../../limiter/by-lease.js'
import type { Limiter } from '../../limiter/limiter.js'
import type { NodeStats } from '../../limiter/node-stats.js'
import { MissingBuckets } from '../../store/missing-buckets.js'
import { problem } from '../problem.js'

/**
 * Tells a node to stop, whichever is asked. Answers 202 as soon as the order is in the store: the node hears of it
 * within a renew interval, and then does what it does on SIGTERM.
 */
export function drainsApp(limiter: Limiter): Hono {
  const app = new Hono()

  app.post('/nodes/:node/drain', async (context) => {
    const asked = context.req.param('node')
    const among = (nodes: readonly NodeStats[]) =>
      nodes.filter((node) => [node.name, ...leasesOf(node)].map(String).includes(asked))
    // A bucket that is away must not be in the way: that is when somebody wants a node to stop.
    const seen = among(await limiter.stats.nodes({ partly: new MissingBuckets() }))
    // Nor may it pass for a node that is gone: who is not found among some is looked for among all, or there is no answer.
    const meant = seen.length > 0 ? seen : among(await limiter.stats.nodes())
    if (meant.length > 1) {
      const leases = meant.map(({ lease }) => lease).join(', ')
      return problem(context, 409, 'AMBIGUOUS_NODE', `several nodes have this name: say one of the leases ${leases}`)
    }
    const [node] = meant
    const verdict = node ? await limiter.drainNode(node.lease) : 'gone'
    if (!node || verdict === 'gone') return problem(context, 404, 'NODE_NOT_FOUND')
    const { name, lease, connections } = node
    return context.json({ name, lease, connections, ordered: verdict === 'ordered' }, 202)
  })

  return app
}
