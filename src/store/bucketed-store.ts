import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.js'
import { BucketedInspector } from './bucketed-inspector.js'
import type { Journal } from './journal.js'
import type { LeaseStore, SharedState } from './lease-store.js'

/**
 * Makes one store of several buckets. The hash of its id puts an org into one of them, so its set is never divided and
 * its limit is exact; what is asked of all orgs goes to every bucket. So all primaries of a Redis Cluster are used.
 */
export class BucketedStore implements SharedState {
  readonly embedded = false
  readonly description: string
  /** Nothing is decided by it, so the notes of all nodes are in one. */
  readonly journal: Journal
  readonly buckets: readonly [LeaseStore, ...LeaseStore[]]
  readonly inspector: BucketedInspector

  constructor(buckets: readonly [LeaseStore, ...LeaseStore[]], clock: Clock) {
    this.buckets = buckets
    const inspectors = buckets.map(({ inspector }) => inspector)
    this.inspector = new BucketedInspector(inspectors, (org) => this.bucketOf(org), clock)
    this.description = `${buckets[0].description} (${buckets.length} buckets)`
    this.journal = buckets[0].journal
  }

  /** The same on every node and for all time: a node that counted otherwise would look for an org in another set. */
  bucketOf(org: string): number {
    return createHash('sha1').update(org).digest().readUInt32BE(0) % this.buckets.length
  }

  async close(): Promise<void> {
    await Promise.all(this.buckets.map((bucket) => bucket.close()))
  }
}
