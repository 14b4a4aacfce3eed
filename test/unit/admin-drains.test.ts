import { expect, test } from 'vitest'
import { drainsApp } from '../../src/admin/routes/drains.js'
import { systemClock } from '../../src/core/clock.js'
import { ClusterStats } from '../../src/limiter/cluster-stats.js'
import { BucketedStore } from '../../src/store/bucketed-store.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import { memoryStore } from '../support/cluster.js'

/** A node with lease 1 and 2 in two buckets, the first of which may be away. */
function drains() {
  const [away, other] = [memoryStore(), memoryStore()]
  const entry = { connections: 0, expiresInMs: 900, info: '{"name":"n"}' }
  let isAway = true
  away.inspector.nodes = async () => {
    if (isAway) throw new StoreUnavailable('away')
    return [{ ...entry, lease: 1 }]
  }
  other.inspector.nodes = async () => [{ ...entry, lease: 2 }]
  const stats = new ClusterStats(new BucketedStore([away, other], systemClock).inspector, {
    connectionsPerOrg: 3,
    tierOf: () => undefined,
  })
  const app = drainsApp({ stats, drainNode: async () => 'ordered' } as never)
  app.onError((error, context) => context.text('', error instanceof StoreUnavailable ? 503 : 500))
  return {
    back() {
      isAway = false
    },
    drain: async (node: string) => (await app.request(`/nodes/${node}/drain`, { method: 'POST' })).status,
  }
}

test('while a bucket is away a node is told to stop by what is known of it, and nobody is told that it is gone (L4)', async () => {
  const { back, drain } = drains()
  expect([await drain('n'), await drain('2')]).toEqual([202, 202])
  expect([await drain('1'), await drain('x')]).toEqual([503, 503])
  back()
  expect([await drain('1'), await drain('x')]).toEqual([202, 404])
})
