import { type ClusterServer, isPrimary, type RedisCluster } from '../test/support/redis-cluster.js'

const PRIMARIES = 3

/** A Redis Cluster, and which orgs each of its servers keeps. */
export class ClusterSide {
  readonly servers: RedisCluster
  /** The orgs of each bucket that has any. */
  #buckets: ReadonlyMap<number, readonly string[]> = new Map()

  constructor(servers: RedisCluster) {
    this.servers = servers
  }

  get buckets(): ReadonlyMap<number, readonly string[]> {
    return this.#buckets
  }

  /** Those who serve buckets now. Rejects while one of them is missing. */
  async primaries(): Promise<ClusterServer[]> {
    const living = this.servers.servers.filter(({ admin }) => admin.status === 'ready')
    const found = (await Promise.all(living.map(async (server) => ((await isPrimary(server)) ? [server] : [])))).flat()
    if (found.length !== PRIMARIES) throw new Error(`the cluster has ${found.length} primaries, and should have three`)
    return found
  }

  async orgsOf(server: ClusterServer): Promise<string[]> {
    const orgs: string[] = []
    for (const [bucket, own] of this.#buckets) {
      if ((await this.servers.primaryOf(bucket)) === server) orgs.push(...own)
    }
    return orgs
  }

  /**
   * Finds the bucket of each org by its override, which the operator has set for each. Of the program it knows the names
   * of the keys alone. An org never changes its bucket, so once is enough; rejects if one is not found.
   */
  async learn(orgs: readonly string[]): Promise<void> {
    const buckets = new Map<number, string[]>()
    for (const { admin } of await this.primaries()) {
      for (const key of await admin.keys('*:{*}:overrides')) {
        for (const field of await admin.hkeys(key)) {
          const [, bucket, org] = /^override:.*\{(\d+)\}:org:(.*)$/.exec(field) ?? []
          if (org !== undefined) buckets.set(Number(bucket), [...(buckets.get(Number(bucket)) ?? []), org])
        }
      }
    }
    const found = [...buckets.values()].flat()
    const missing = orgs.filter((org) => !found.includes(org))
    if (missing.length > 0) throw new Error(`no bucket has the overrides of ${missing}`)
    this.#buckets = buckets
  }
}
