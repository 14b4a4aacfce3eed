import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { redisKeys } from '../../src/store/redis/keys.js'
import { Books } from './books.js'
import { temporaryDirectory } from './owned-process.js'
import { type ServerProcess, startServer } from './processes.js'
import { freshPrefix, startRedis, type TestRedis } from './redis.js'

export interface FleetOptions {
  /** How many nodes; 3 where absent. */
  readonly count?: number
  /** Orgs of the key file; `acme` and `globex` where absent. */
  readonly orgs?: readonly string[]
  /** Settings of all nodes, over those of `LIVELY`. */
  readonly env?: Readonly<Record<string, string>>
  /** A Redis that the caller started and stops; one of the fleet's own where absent. */
  readonly redis?: TestRedis
  /** Where a node finds Redis, by its number from 0: a proxy, say. */
  readonly redisUrl?: (node: number, redis: TestRedis) => string
  /** Another program than the one that was built; for controls. */
  readonly script?: string
}

/** Several nodes as processes of their own on one Redis, and a key for each org. */
export interface Fleet {
  readonly nodes: readonly ServerProcess[]
  readonly urls: readonly string[]
  readonly redis: TestRedis
  readonly books: Books
  keyOf(org: string): string
  /** Puts a new node with the same settings in the place of one that is gone; resolves when it admits. */
  replace(node: number): Promise<ServerProcess>
  /** Kills what still runs. */
  stop(): Promise<void>
}

/**
 * Renewals twice a second, so that starting and recovering take a second. The deadline of a store call is longer than
 * the default: on a machine that tests keep busy, a late answer must not look like a store that is away.
 */
export const LIVELY = {
  HEADCOUNT_LEASE_TTL: '10s',
  HEADCOUNT_RENEW_INTERVAL: '500ms',
  HEADCOUNT_STORE_TIMEOUT: '2500ms',
  HEADCOUNT_LOG_LEVEL: 'warn',
} as const

/** The shortest lease that leaves room for a slow machine: what waits for an expiry waits about 3 s. */
export const MORTAL = { ...LIVELY, HEADCOUNT_LEASE_TTL: '3s', HEADCOUNT_STORE_TIMEOUT: '500ms' } as const
export const MORTAL_MS = { ttl: 3_000, renewInterval: 500, jitter: 50 } as const

/** Starts the nodes at once and waits until all admit. They are called node-1, node-2 and so on. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const { count = 3, orgs = ['acme', 'globex'], env = {}, script } = options
  const redis = options.redis ?? (await startRedis())
  const prefix = freshPrefix()
  const books = new Books(redis.url, prefix)
  const keysFile = writeKeys(orgs)
  const start = (node: number) =>
    startServer({
      ...(script !== undefined && { script }),
      env: {
        ...LIVELY,
        REDIS_URL: options.redisUrl?.(node, redis) ?? redis.url,
        HEADCOUNT_KEY_PREFIX: prefix,
        HEADCOUNT_NODE_NAME: `node-${node + 1}`,
        HEADCOUNT_KEYS_FILE: keysFile,
        ...env,
      },
    })
  const started = await Promise.allSettled(Array.from({ length: count }, (_, node) => start(node)))
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()))
    books.close()
    if (!options.redis) await redis.stop()
  }
  const failed = started.find((one) => one.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    ...{ nodes, redis, books, stop },
    get urls() {
      return nodes.map((node) => node.url)
    },
    async replace(node) {
      const started = await start(node)
      nodes[node] = started
      return started
    },
    keyOf(org) {
      if (!orgs.includes(org)) throw new Error(`no key of the org ${JSON.stringify(org)}`)
      return `key-${orgs.indexOf(org)}`
    },
  }
}

/** A key file with `key-0` for the first org, and so on. */
export function writeKeys(orgs: readonly string[]): string {
  const path = join(temporaryDirectory(), 'keys.json')
  const keys = orgs.map((orgId, i) => ({ key: `key-${i}`, orgId, gatewayId: `gateway-${i}` }))
  writeFileSync(path, JSON.stringify({ keys }))
  return path
}

/** Sets the limit of an org by the admin API of a node. */
export function setLimit(node: ServerProcess, org: string, limit: number | 'unlimited'): Promise<unknown> {
  return node.admin(`/admin/v1/orgs/${encodeURIComponent(org)}/limit`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ limit }),
  })
}

/** Puts an org in a tier without saying in which: nodes always do, and others may not. Returns what takes it back. */
export async function setNamelessTier({ books }: Fleet, org: string, slots: number, prefix?: string) {
  const keys = prefix === undefined ? books.keys : redisKeys(prefix)
  const set = keys.scope({ name: 'org', id: org })
  await books.redis.hset(keys.overrides[0], `tier:${set}`, `${slots} \n{}`)
  await books.redis.hset(keys.admission, set, slots)
  return async (): Promise<void> => {
    await books.redis.hdel(keys.overrides[0], `tier:${set}`)
    await books.redis.hdel(keys.admission, set)
  }
}
