import type { Redis } from 'ioredis'
import type { Clock } from '../../core/clock.js'
import { decodeEntry } from './codec.js'
import { type RedisKeys, redisKeys } from './keys.js'
import { RedisQuestions } from './questions.js'
import { CLUSTER_COMMANDS, NODE_COMMANDS } from './rights.js'
import { RedisScript } from './script.js'
import type { StoreFacts } from './store-facts.js'
import type { Way } from './ways.js'

const ANSWERS = 9
/** May write, and does not: Redis says of it what it would say to a node. Its memory is judged by numbers. */
const WOULD_WRITE = '#!lua flags=allow-oom\nreturn 1'
const REFUSES_WRITES = /NOREPLICAS|MISCONF/
const OF_A_BUCKET = /^\{\d+\}:/
const SCAN_COUNT = 500
/** Of short fields, which take Redis a millisecond or two. */
const FIELDS_COUNT = 5_000
/** Who may do none of these is meant to look only. */
const WRITES = ['hset', 'sadd', 'zadd']
/** More would take minutes and all memory of a small machine. */
const MOST_KEYS = 200_000

/** Reads everything of a cluster in small steps, on a connection of its own, and changes nothing. */
export class RedisExaminer {
  readonly keys: RedisKeys
  readonly description: string
  readonly #way: Way
  readonly #prefix: string
  /** Of this bucket, or of none: those stand where nothing of ours should. */
  readonly #isOurs: (name: string) => boolean
  readonly #questions: RedisQuestions
  readonly #clock: Clock
  #skipped: string[] = []
  #allKeys = true

  /** Throws `INVALID_KEY_PREFIX`. */
  constructor(way: Way, prefix: string, clock: Clock) {
    const { dialer, bucket } = way
    this.#way = way
    this.description = dialer.description
    this.keys = redisKeys(prefix, bucket)
    this.#prefix = prefix
    this.#isOurs = (name) => name.startsWith(`${prefix}{${bucket}}:`) || !OF_A_BUCKET.test(name.slice(prefix.length))
    this.#clock = clock
    this.#questions = new RedisQuestions(async (withinMs, over) => (await dialer.dial(withinMs, over)).redis, clock)
  }

  /** What Redis says of itself. Rejects with `StoreUnavailable` where it does not answer. */
  async info(): Promise<StoreFacts['info']> {
    return parsedInfo(await this.#questions.ask((redis) => redis.info()))
  }

  /** Rejects as `info`, which is asked for before; what this user may not look at is skipped, and said. */
  async examine(info: StoreFacts['info']): Promise<StoreFacts> {
    this.#skipped = []
    const ask = <T>(question: (redis: Redis) => Promise<T>) => this.#questions.ask(question)
    const { meta, admission, leases, nodes, dead, allOrders } = this.keys
    const keys = await this.#may([], 'the keys', () => this.#walkKeys())
    const named = (prefix: string) => keys.filter(({ name, type }) => name.startsWith(prefix) && type !== 'none')
    const base = this.keys.conns('')
    const slotSets = named(this.keys.orgPrefix).concat(named(this.keys.scopePrefix))
    const indexes = new Map<string, Map<string, readonly string[]>>()
    for (const { name, type } of named(base)) {
      if (type === 'hash') indexes.set(name.slice(base.length), await this.#index(name))
    }
    const sets = new Map<string, Map<string, string>>()
    for (const { name, type } of slotSets) if (type === 'zset') sets.set(name, await this.#scores(name))
    const orders = await Promise.all(allOrders.map((name) => this.#may(new Map(), name, () => this.#scores(name))))
    return {
      info,
      keys,
      allKeys: this.#allKeys,
      sets,
      indexes,
      viaCluster: this.#way.viaCluster,
      buckets: this.#way.buckets,
      answersMs: await this.#may([], 'the latency', () => this.#answersMs()),
      scriptLoaded: await this.#may(true, 'the script', () => ask((redis) => new RedisScript().isLoaded(redis))),
      missingRights: await this.#may([], 'the rights', () => this.#missingRights()),
      writesRefused: await this.#may(undefined, 'whether it takes writes', () => this.#writesRefused()),
      meta: await this.#may({}, meta, () => ask((redis) => redis.hgetall(meta))),
      // Behind the time that `meta` holds: nodes go on renewing while all the rest is read.
      timeMs: await this.#timeMs(),
      admission: await this.#may({}, admission, () => this.#fields(admission)),
      leases: numbersOf(await this.#may(new Map(), leases, () => this.#scores(leases))),
      nodes: await this.#may({}, nodes, () => this.#fields(nodes)),
      dead: new Set(await this.#may([], dead, () => ask((redis) => redis.smembers(dead)))),
      orders: new Map(orders.flatMap((each) => [...each])),
      skipped: this.#skipped,
    }
  }

  close(): void {
    this.#questions.close()
  }

  /**
   * What this user may not ask, or what has another type, is no reason to stop. A Redis that is gone is told by INFO; one
   * whose cluster is down answers that, and nothing else.
   */
  async #may<T>(fallback: T, what: string, look: () => Promise<T>): Promise<T> {
    try {
      return await look()
    } catch (error) {
      const { message } = error as Error
      if (this.#way.viaCluster && message.includes('CLUSTERDOWN')) throw error
      this.#skipped.push(`${what}: ${message}`)
      return fallback
    }
  }

  async #walkKeys(): Promise<StoreFacts['keys'][number][]> {
    const names = new Set<string>()
    let cursor = '0'
    do {
      const [next, page] = await this.#questions.ask((redis) =>
        redis.scan(cursor, 'MATCH', `${this.#prefix}*`, 'COUNT', SCAN_COUNT),
      )
      for (const name of page.filter(this.#isOurs)) names.add(name)
      cursor = next
    } while (cursor !== '0' && names.size < MOST_KEYS)
    this.#allKeys = cursor === '0'
    if (!this.#allKeys) this.#skipped.push(`the keys: only the first ${names.size} were looked at`)
    const all = [...names]
    const keys: StoreFacts['keys'][number][] = []
    for (let from = 0; from < all.length; from += SCAN_COUNT) {
      const some = all.slice(from, from + SCAN_COUNT)
      const [types, ttls] = await this.#questions.ask((redis) =>
        Promise.all([
          Promise.all(some.map((name) => redis.type(name))),
          Promise.all(some.map((name) => redis.pttl(name))),
        ]),
      )
      some.forEach((name, i) => void keys.push({ name, type: types[i]!, expires: ttls[i]! >= 0 }))
    }
    return keys
  }

  #scores(key: string): Promise<Map<string, string>> {
    return this.#scan((redis, cursor) => redis.zscan(key, cursor, 'COUNT', SCAN_COUNT))
  }

  /** In pages: an answer with all of very many would take longer than a question may. */
  async #fields(key: string): Promise<Record<string, string>> {
    return Object.fromEntries(await this.#scan((redis, cursor) => redis.hscan(key, cursor, 'COUNT', FIELDS_COUNT)))
  }

  async #index(key: string): Promise<Map<string, readonly string[]>> {
    const entries = await this.#scan((redis, cursor) => redis.hscan(key, cursor, 'COUNT', SCAN_COUNT))
    const setsOf = (id: string, entry: string) => decodeEntry(id, entry).scopes.map((scope) => this.keys.scope(scope))
    return new Map([...entries].map(([id, entry]) => [id, setsOf(id, entry)]))
  }

  async #scan(page: (redis: Redis, cursor: string) => Promise<[string, string[]]>): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    let cursor = '0'
    do {
      const [next, flat] = await this.#questions.ask((redis) => page(redis, cursor))
      for (let i = 0; i + 1 < flat.length; i += 2) found.set(flat[i]!, flat[i + 1]!)
      cursor = next
    } while (cursor !== '0')
    return found
  }

  async #timeMs(): Promise<number> {
    const [seconds, micros] = await this.#questions.ask((redis) => redis.time())
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  }

  /** INFO has neither how many replicas are wanted nor whether they are enough. */
  #writesRefused(): Promise<string | undefined> {
    return this.#questions.ask(async (redis) => {
      try {
        await redis.eval(WOULD_WRITE, 0)
        return undefined
      } catch (error) {
        const { message } = error as Error
        if (REFUSES_WRITES.test(message)) return message
        if (/READONLY|read.?only replica/i.test(message)) return undefined
        throw error
      }
    })
  }

  /** Not of PING, which a Redis that refuses all writes refuses too. */
  async #answersMs(): Promise<number[]> {
    const took: number[] = []
    for (let i = 0; i < ANSWERS; i++) {
      const startMs = this.#clock.monotonicMs()
      await this.#timeMs()
      took.push(this.#clock.monotonicMs() - startMs)
    }
    return took
  }

  async #missingRights(): Promise<string[]> {
    const user = await this.#questions.ask((redis) => redis.acl('WHOAMI'))
    const commands = Object.entries(NODE_COMMANDS(this.keys.meta))
    if (this.#way.viaCluster) commands.push(...CLUSTER_COMMANDS)
    const answers = await this.#questions.ask((redis) =>
      Promise.all(commands.map(([name, args]) => redis.acl('DRYRUN', user, name, ...args))),
    )
    const refused = commands.flatMap(([name], i) => (answers[i] === 'OK' ? [] : [{ name, answer: String(answers[i]) }]))
    if (WRITES.every((name) => refused.some((each) => each.name === name))) {
      throw new Error('this user may not write, so it is none of a node, and what theirs may is not known')
    }
    return refused.map(({ answer }) => answer)
  }
}

function parsedInfo(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]))
}

function numbersOf(scores: ReadonlyMap<string, string>): Map<string, number> {
  return new Map([...scores].map(([lease, score]) => [lease, Number(score)]))
}
