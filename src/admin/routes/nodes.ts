import { Hono } from 'hono'
import type { Limiter } from '../../limiter/limiter.js'
import type { Refusals } from '../../observe/refusals/refusals.js'
import type { ClusterView } from '../../observe/view/cluster-view.js'
import { type BucketsAway, MissingBuckets } from '../../store/missing-buckets.js'
import type { AdminEnv } from '../auth.js'
import { readQuery } from '../query.js'
import { queries } from '../schemas.js'

interface Told {
  readonly limiter: Limiter
  readonly nodeName: string
  readonly view: Pick<ClusterView, 'recoveryMs'>
  readonly refusals: Pick<Refusals, 'lately'>
  readonly keyFileUsable: (() => boolean) | undefined
}

/**
 * The nodes with a live lease, and the totals of this node and of the cluster; and what the token lets its bearer do.
 */
export function nodesApp({ limiter, nodeName, view, refusals, keyFileUsable }: Told): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>()

  app.get('/nodes', async (context) => {
    const query = readQuery(context, queries.nodes)
    if (query instanceof Response) return query
    const partly = new MissingBuckets()
    const nodes = await limiter.stats.nodes({ ...query, partly })
    return context.json({ nodes, ...partly.told })
  })

  app.get('/stats', async (context) => {
    const partly = new MissingBuckets()
    const nodes = await limiter.stats.nodes({ partly })
    const { phase, connections, storeReachable, storeDescription, buckets } = limiter
    return context.json({
      role: context.get('role'),
      node: {
        name: nodeName,
        phase,
        connections,
        storeReachable,
        ...awayOf(buckets),
        recoveryMs: view.recoveryMs,
        refusedLately: refusals.lately,
        keyFileUsable: keyFileUsable?.(),
      },
      store: storeDescription,
      cluster: { nodes: nodes.length, connections: nodes.reduce((sum, node) => sum + node.connections, 0) },
      ...partly.told,
    })
  })

  return app
}

/** Of a store that is not divided, whether it is reachable says all. */
function awayOf({ count, away }: Limiter['buckets']): BucketsAway {
  return count > 1 && away.length > 0 ? { bucketsAway: away, buckets: count } : {}
}
