import { Redis } from 'ioredis'
import { type RedisKeys, redisKeys } from '../../src/store/redis/keys.js'

/** Org → connection id → lease. Orgs without a slot are not in it. */
export type Slots = ReadonlyMap<string, ReadonlyMap<string, number>>

/** All sets whose key begins so, at one moment. */
const ORG_SETS = `
local out = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  out[#out + 1] = { string.sub(key, #ARGV[1] + 1), redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') }
end
return out`

/** What Redis itself holds of a cluster, read past the program: nothing here goes through a node. */
export class Books {
  readonly redis: Redis
  readonly keys: RedisKeys
  readonly prefix: string

  constructor(url: string, prefix: string) {
    this.redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
    // Tests stop Redis on purpose; this client just comes back.
    this.redis.on('error', () => {})
    this.keys = redisKeys(prefix)
    this.prefix = prefix
  }

  /** Every org set, all at one moment. The dead are in it until they are swept. */
  async slots(): Promise<Slots> {
    const sets = (await this.redis.eval(ORG_SETS, 0, this.keys.orgPrefix)) as [string, string[]][]
    return new Map(sets.map(([org, flat]) => [org, scores(flat)]))
  }

  /** The connection ids of one org. */
  async ids(org: string): Promise<string[]> {
    return (await this.redis.zrange(this.keys.scope({ name: 'org', id: org }), '0', '-1')).sort()
  }

  count(org: string): Promise<number> {
    return this.redis.zcard(this.keys.scope({ name: 'org', id: org }))
  }

  /** How many slots there are, of all orgs together. */
  async total(): Promise<number> {
    return [...(await this.slots()).values()].reduce((sum, ids) => sum + ids.size, 0)
  }

  /** Every key of the cluster, without the prefix. */
  async names(): Promise<string[]> {
    return (await this.redis.keys(`${this.prefix}*`)).map((key) => key.slice(this.prefix.length)).sort()
  }

  /**
   * The lease that a node of this name holds now: of several the one that runs out last, because a node whose first
   * hello went unanswered has left a lease behind that nobody renews. Throws if there is none.
   */
  async leaseOf(nodeName: string): Promise<number> {
    const [infos, live] = await Promise.all([
      this.redis.hgetall(this.keys.nodes),
      this.redis.zrange(this.keys.leases, '0', '-1'),
    ])
    const lease = live.findLast((one) => (JSON.parse(infos[one] ?? '{}') as { name?: string }).name === nodeName)
    if (lease === undefined) throw new Error(`no live lease of ${nodeName} among ${JSON.stringify(infos)}`)
    return Number(lease)
  }

  async isLive(lease: number): Promise<boolean> {
    return (await this.redis.hexists(this.keys.admission, String(lease))) === 1
  }

  /** Live leases with their generations. */
  async generations(): Promise<ReadonlyMap<number, number>> {
    const known = await this.redis.hgetall(this.keys.admission)
    const tokens = Object.entries(known).filter(([field]) => /^\d+$/.test(field))
    return new Map(tokens.map(([lease, token]) => [Number(lease), Number.parseInt(token, 10)]))
  }

  /** When a lease runs out, in ms of Redis's own TIME: the store's clock runs beside it, and their distance is known. */
  async expiryMs(lease: number): Promise<number> {
    const [expiry, [clock, time]] = await Promise.all([
      this.redis.zscore(this.keys.leases, String(lease)),
      this.redis.hmget(this.keys.meta, 'clock', 'time'),
    ])
    if (expiry === null) throw new Error(`lease ${lease} has no expiry`)
    return Number(expiry) - Number(clock) + Number(time)
  }

  async nowMs(): Promise<number> {
    const [seconds, microseconds] = await this.redis.time()
    return Number(seconds) * 1_000 + Number(microseconds) / 1_000
  }

  close(): void {
    this.redis.disconnect()
  }
}

function scores(flat: readonly string[]): Map<string, number> {
  const out = new Map<string, number>()
  for (let i = 0; i + 1 < flat.length; i += 2) out.set(flat[i]!, Number(flat[i + 1]))
  return out
}
