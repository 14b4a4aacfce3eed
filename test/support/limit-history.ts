import { Redis } from 'ioredis'
import type { RedisKeys } from '../../src/store/redis-keys.js'

/**
 * What the script has done to one org, as Redis itself tells it: the commands of a script come in order, and scripts one
 * after another, so each decision is judged by what was in force when its script ran.
 */
export class LimitHistory {
  /** What must not be: an admission above the limit, an order to close one too many, an order given twice. */
  readonly broken: string[] = []
  /** Who was ever told to leave as surplus. */
  readonly ordered = new Set<string>()
  admitted = 0
  changes = 0
  readonly #redis: Redis
  readonly #monitor: Redis
  readonly #holders = new Set<string>()
  #leaving = 0
  #limit: number

  private constructor(
    redis: Redis,
    monitor: Redis,
    { keys, org, limit }: { keys: RedisKeys; org: string; limit: number },
  ) {
    this.#redis = redis
    this.#monitor = monitor
    this.#limit = limit
    const set = keys.scope({ name: 'org', id: org })
    const told: Record<string, (args: string[]) => void> = {
      [`HSET ${keys.admission}`]: ([field, slots]) => field === set && this.#change(Number(slots)),
      [`ZADD ${set}`]: (args) => this.#admit(args.at(-1)!),
      [`ZREM ${set}`]: (ids) => this.#free(ids),
      [`ZADD ${keys.orders('surplus')}`]: ([, id]) => this.#order(id!),
    }
    monitor.on('monitor', (_time: string, [command = '', key, ...args]: string[], source: string) => {
      if (source === 'lua') told[`${command.toUpperCase()} ${key}`]?.(args)
    })
  }

  /** Listens from here on; the org holds nothing yet, and may hold `limit`. */
  static async start(url: string, of: { keys: RedisKeys; org: string; limit: number }): Promise<LimitHistory> {
    const redis = new Redis(url)
    return new LimitHistory(redis, await redis.monitor(), of)
  }

  /** How many the org holds above its limit, without those that were told to leave; below 0 where it has room. */
  get surplus(): number {
    return this.#holders.size - this.#leaving - this.#limit
  }

  stop(): void {
    this.#monitor.disconnect()
    this.#redis.disconnect()
  }

  #change(slots: number): void {
    this.#limit = slots
    this.changes++
  }

  #admit(id: string): void {
    this.#holders.add(id)
    this.admitted++
    if (this.#holders.size > this.#limit) this.broken.push(`admitted: ${this.#holders.size} of ${this.#limit}`)
  }

  #order(id: string): void {
    if (this.ordered.has(id)) this.broken.push(`${id} was told to leave twice`)
    if (this.surplus <= 0) this.broken.push(`told to leave: one of ${this.#holders.size}, which may be ${this.#limit}`)
    this.ordered.add(id)
    if (this.#holders.has(id)) this.#leaving++
  }

  #free(ids: readonly string[]): void {
    for (const id of ids) if (this.#holders.delete(id) && this.ordered.has(id)) this.#leaving--
  }
}
