import type { Clock } from '../core/clock.js'
import type { EventBus } from '../core/events.js'
import type { AdmittingNode } from '../node/admitting-node.js'
import { BucketedNode } from '../node/buckets/bucketed-node.js'
import { LimiterNode } from '../node/limiter-node.js'
import type { LimiterNodeOptions } from '../node/node-options.js'
import { BucketedStore } from '../store/bucketed-store.js'
import type { LeaseStore } from '../store/lease-store.js'
import { MeasuredStore } from '../store/measured-store.js'

type NodeOptions = Omit<LimiterNodeOptions, 'store'> & { readonly clock: Clock; readonly events: EventBus }

/** The node of a process, in as many buckets as its store has; it says how long each call to the store takes. */
export function makeNode(store: LeaseStore | BucketedStore, options: NodeOptions): AdmittingNode {
  const { clock, events } = options
  const measured = (one: LeaseStore) => new MeasuredStore(one, clock, (call) => events.emit('store.called', call))
  if (!(store instanceof BucketedStore)) return new LimiterNode({ ...options, store: measured(store) })
  const buckets = store.buckets.map(measured)
  return new BucketedNode({ ...options, buckets, bucketOf: (org) => store.bucketOf(org) })
}
