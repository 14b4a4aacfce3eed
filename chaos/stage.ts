import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { temporaryDirectory } from '../test/support/owned-process.js'
import { freePort } from '../test/support/ports.js'
import type { Log } from './log.js'
import { ChaosNode } from './node.js'
import type { Effect, Terms } from './records.js'
import { type RedisKind, type RedisSide, startRedisSide } from './redis-side.js'

export interface StageOptions {
  readonly log: Log
  readonly terms: Terms
  readonly nodes: number
  readonly orgs: readonly string[]
  readonly redis: RedisKind
  /** The program of the nodes: what was built, or a broken one. */
  readonly script: string
  /** Keeps the keys of each node apart, so that they limit nothing together: a control. */
  readonly apart: boolean
}

const COMMAND_MS = 5_000

/** What a run plays on: a Redis, nodes, and the networks between. Faults act on it and write down what they do. */
export class Stage {
  readonly log: Log
  readonly terms: Terms
  readonly nodes: readonly ChaosNode[]
  readonly redis: RedisSide

  private constructor(options: StageOptions, redis: RedisSide, nodes: ChaosNode[]) {
    this.log = options.log
    this.terms = options.terms
    this.redis = redis
    this.nodes = nodes
  }

  static async create(options: StageOptions): Promise<Stage> {
    const redis = await startRedisSide(options.redis)
    const keysFile = keyFile(options.orgs)
    const nodes: ChaosNode[] = []
    for (let number = 0; number < options.nodes; number++) {
      const env = {
        ...settingsOf(options.terms),
        HEADCOUNT_KEYS_FILE: keysFile,
        HEADCOUNT_NODE_NAME: `node-${number + 1}`,
        ...(options.apart && { HEADCOUNT_KEY_PREFIX: `apart-${number}:` }),
      }
      const { log, script } = options
      nodes.push(await ChaosNode.create({ number, log, script, env, redis, port: await freePort() }))
    }
    return new Stage(options, redis, nodes)
  }

  async start(): Promise<void> {
    this.begin('store-lost')
    await Promise.all(this.nodes.map((node) => node.start()))
  }

  begin(effect: Effect, node?: ChaosNode, orgs?: readonly string[]): void {
    this.log.write({ is: 'effect', effect, phase: 'begin', ...(node && { node: node.number }), ...(orgs && { orgs }) })
  }

  end(effect: Effect, node?: ChaosNode): void {
    this.log.write({ is: 'effect', effect, phase: 'end', ...(node && { node: node.number }) })
  }

  /** Lets an effect last: writes its beginning, does it, waits, undoes it, writes its end. */
  async during(
    effect: Effect,
    node: ChaosNode | undefined,
    forMs: number,
    bring: () => unknown,
    undo: () => unknown,
  ): Promise<void> {
    this.begin(effect, node)
    await bring()
    await sleep(forMs)
    await undo()
    this.end(effect, node)
  }

  /** Asks all who take writes directly, past the nodes and their networks, one after another. Rejects after 5 s. */
  command<T>(...words: [string, ...string[]]): Promise<T[]> {
    return this.connected(async (redis) => (await redis.call(...words)) as T)
  }

  /** The same with connections that are open: what is asked then is done at once. */
  async connected<T>(work: (redis: Redis) => Promise<T>): Promise<T[]> {
    const done: T[] = []
    for (const url of await this.redis.primaryUrls()) done.push(await this.#at(url, work))
    return done
  }

  async #at<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(url, {
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      commandTimeout: COMMAND_MS,
    })
    redis.on('error', () => {})
    try {
      await redis.connect()
      return await work(redis)
    } finally {
      redis.disconnect()
    }
  }

  /** The connection ids of all orgs, as Redis has them, read past the program. */
  async slots(): Promise<string[]> {
    const found = await this.connected(async (redis) => {
      const keys = await redis.keys('*:{*}:org:*')
      return Promise.all(keys.map((key) => redis.zrange(key, '0', '-1')))
    })
    return found.flat(2)
  }

  async destroy(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.destroy()))
    await this.redis.stop()
  }
}

/** The key of an org is its name. */
function keyFile(orgs: readonly string[]): string {
  const path = join(temporaryDirectory(), 'keys.json')
  writeFileSync(path, JSON.stringify({ keys: orgs.map((org) => ({ key: org, orgId: org, gatewayId: org })) }))
  return path
}

function settingsOf(terms: Terms): Record<string, string> {
  return {
    HEADCOUNT_LEASE_TTL: `${terms.ttlMs}ms`,
    HEADCOUNT_RENEW_INTERVAL: `${terms.renewIntervalMs}ms`,
    HEADCOUNT_STORE_TIMEOUT: `${terms.callTimeoutMs}ms`,
    WS_CONNECTION_TIMEOUT: `${terms.pongTimeoutMs}ms`,
    HEADCOUNT_DRAIN_TIME: `${terms.drainMs}ms`,
    HEADCOUNT_ON_LEASE_LOST: terms.onLeaseLost ?? 'rejoin',
    WS_MAX_CONNECTIONS_PER_ORG: String(terms.defaultLimit),
    HEADCOUNT_LOG_LEVEL: 'warn',
  }
}
