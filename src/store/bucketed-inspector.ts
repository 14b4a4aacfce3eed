import type { Clock } from '../core/clock.js'
import type { MissingBuckets } from './missing-buckets.js'
import type { OrgOverrides } from './override-records.js'
import type {
  BucketInspector,
  Holder,
  NodeEntry,
  OrgCount,
  Partly,
  StoreInspector,
  WhichNodes,
} from './store-inspector.js'

/** So many names are enough for one page. */
const FULL_PAGE = 500
/** A page that takes longer may never come: its bucket may be away, and others with it. */
const LATE_MS = 250

type OrgPage = Awaited<ReturnType<StoreInspector['listOrgs']>>

const NO_ORGS: OrgPage = { cursor: '0', orgs: [] }

/** Asks the bucket of an org about that org, and all of them about what is asked of all orgs or nodes. */
export class BucketedInspector implements StoreInspector {
  readonly #buckets: readonly BucketInspector[]
  readonly #bucketOf: (org: string) => number
  readonly #clock: Clock

  constructor(buckets: readonly BucketInspector[], bucketOf: (org: string) => number, clock: Clock) {
    this.#buckets = buckets
    this.#bucketOf = bucketOf
    this.#clock = clock
  }

  async countOrgs(orgs: readonly string[], { partly }: Partly = {}): Promise<OrgCount[]> {
    const groups: string[][] = this.#buckets.map(() => [])
    for (const org of orgs) groups[this.#bucketOf(org)]!.push(org)
    const counts = await this.#ask((bucket, at) => bucket.countOrgs(groups[at]!), partly)
    const found = new Map(counts.flat().map((count) => [count.org, count]))
    return orgs.flatMap((org) => found.get(org) ?? [])
  }

  /** Bucket after bucket; a cursor is `<bucket>.<cursor there>`. Where there are few orgs, one page has them all. */
  async listOrgs(cursor: string, { partly }: Partly = {}): Promise<OrgPage> {
    const [at = '0', there = '0'] = cursor.split('.')
    const orgs: string[] = []
    for (let bucket = Number(at), from = there; bucket < this.#buckets.length; bucket++, from = '0') {
      if (orgs.length >= FULL_PAGE) return { cursor: `${bucket}.0`, orgs }
      const page = await this.#page(bucket, from, partly)
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
    const found =
      org === undefined ? await this.#ask((bucket) => bucket.nodes(which), partly) : [await this.#of(org).nodes(which)]
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

  #of(org: string): BucketInspector {
    return this.#buckets[this.#bucketOf(org)]!
  }

  async #ask<T>(question: (bucket: BucketInspector, at: number) => Promise<T>, partly?: MissingBuckets): Promise<T[]> {
    if (!partly) return Promise.all(this.#buckets.map(question))
    const asked = this.#buckets.map(async (bucket, at): Promise<T[]> => {
      if (partly.has(at)) return []
      try {
        return [await question(bucket, at)]
      } catch (error) {
        partly.add(at, error, this.#buckets.length)
        return []
      }
    })
    return (await Promise.all(asked)).flat()
  }

  async #page(bucket: number, cursor: string, partly?: MissingBuckets): Promise<OrgPage> {
    if (partly?.has(bucket)) return NO_ORGS
    const page = this.#buckets[bucket]!.listOrgs(cursor)
    if (!partly) return page
    // Others may be away with it, and pages are asked for one after the other: each would be waited for anew. They are
    // looked at while this one is still waited for, or both waits would follow each other.
    let looked: Promise<unknown> | undefined
    const lookAtOthers = () => {
      looked ??= this.#ask(async (each, at) => at !== bucket && each.nodes({ uncounted: true }), partly)
      // Where the page has come after all, nobody waits for this.
      looked.catch(() => {})
      return looked
    }
    const cancel = this.#clock.after(LATE_MS, () => void (partly.firstLook() && lookAtOthers()))
    try {
      return await page
    } catch (error) {
      partly.add(bucket, error, this.#buckets.length)
      await lookAtOthers()
      return NO_ORGS
    } finally {
      cancel()
    }
  }
}
