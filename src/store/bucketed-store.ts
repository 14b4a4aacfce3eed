import { createHash } from 'node:crypto'
import { answered } from '../core/answered.js'
import type { Journal } from './journal.js'
import type { Holder, LeaseStore, NodeEntry, OrgCount, SharedState, WhichNodes } from './lease-store.js'
import type { OrgOverrides } from './override-records.js'

/** So many names are enough for one page. */
const FULL_PAGE = 500

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

  constructor(buckets: readonly [LeaseStore, ...LeaseStore[]]) {
    this.buckets = buckets
    this.description = `${buckets[0].description} (${buckets.length} buckets)`
    this.journal = buckets[0].journal
  }

  /** The same on every node and for all time: a node that counted otherwise would look for an org in another set. */
  bucketOf(org: string): number {
    return createHash('sha1').update(org).digest().readUInt32BE(0) % this.buckets.length
  }

  async countOrgs(orgs: readonly string[]): Promise<OrgCount[]> {
    const groups: string[][] = this.buckets.map(() => [])
    for (const org of orgs) groups[this.bucketOf(org)]!.push(org)
    const counts = await Promise.all(groups.map((some, bucket) => this.buckets[bucket]!.countOrgs(some)))
    const found = new Map(counts.flat().map((count) => [count.org, count]))
    return orgs.flatMap((org) => found.get(org) ?? [])
  }

  /** Bucket after bucket; a cursor is `<bucket>.<cursor there>`. Where there are few orgs, one page has them all. */
  async listOrgs(cursor: string): Promise<{ cursor: string; orgs: string[] }> {
    const [at = '0', there = '0'] = cursor.split('.')
    const orgs: string[] = []
    for (let bucket = Number(at), from = there; bucket < this.buckets.length; bucket++, from = '0') {
      if (orgs.length >= FULL_PAGE) return { cursor: `${bucket}.0`, orgs }
      const page = await this.buckets[bucket]!.listOrgs(from)
      orgs.push(...page.orgs)
      if (page.cursor !== '0') return { cursor: `${bucket}.${page.cursor}`, orgs }
    }
    return { cursor: '0', orgs }
  }

  overridesOf(org: string): Promise<OrgOverrides> {
    return this.#of(org).overridesOf(org)
  }

  holders(org: string, limit: number): Promise<Holder[]> {
    return this.#of(org).holders(org, limit)
  }

  /** A node has a lease in each bucket, and tells the same of itself everywhere: it is one entry, with all of them. */
  async nodes({ partly, org, ...which }: WhichNodes = {}): Promise<NodeEntry[]> {
    const asked = (org === undefined ? this.buckets : [this.#of(org)]).map((bucket) => bucket.nodes(which))
    const found = await (partly ? thoseThatAnswer(asked) : Promise.all(asked))
    const entries = new Map<string, [NodeEntry, ...NodeEntry[]]>()
    for (const entry of found.flat()) {
      const others = entries.get(entry.info)
      if (others) others.push(entry)
      else entries.set(entry.info, [entry])
    }
    return [...entries.values()].map((ofNode) => ({
      ...ofNode[0],
      leases: ofNode.map(({ lease }) => lease),
      connections: ofNode.reduce((sum, { connections }) => sum + connections, 0),
      expiresInMs: Math.min(...ofNode.map(({ expiresInMs }) => expiresInMs)),
    }))
  }

  async close(): Promise<void> {
    await Promise.all(this.buckets.map((bucket) => bucket.close()))
  }

  #of(org: string): LeaseStore {
    return this.buckets[this.bucketOf(org)]!
  }
}

/** Rejects only if none does. */
async function thoseThatAnswer<T>(asked: readonly Promise<T>[]): Promise<T[]> {
  const { given, failed } = await answered(asked)
  if (failed && given.length === 0) throw failed
  return given
}
