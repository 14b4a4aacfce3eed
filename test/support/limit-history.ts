import type { RedisKeys } from '../../src/store/redis/keys.js'
import { monitorStream } from './monitor-stream.js'

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
  readonly #holders = new Set<string>()
  /** What is done with the arguments of a command on a key. */
  readonly #told: Readonly<Record<string, (args: string[]) => void>>
  #leaving = 0
  #limit: number
  #end = () => {}

  private constructor({ keys, org, limit }: { keys: RedisKeys; org: string; limit: number }) {
    this.#limit = limit
    const set = keys.scope({ name: 'org', id: org })
    this.#told = {
      [`HSET ${keys.admission}`]: ([field, slots]) => field === set && this.#change(Number(slots)),
      [`ZADD ${set}`]: (args) => this.#admit(args.at(-1)!),
      [`ZREM ${set}`]: (ids) => this.#free(ids),
      [`ZADD ${keys.orders('surplus')}`]: ([, id]) => this.#order(id!),
    }
  }

  /** Listens from here on; the org holds nothing yet, and may hold `limit`. */
  static async start(url: string, of: { keys: RedisKeys; org: string; limit: number }): Promise<LimitHistory> {
    const history = new LimitHistory(of)
    history.#end = await monitorStream(url, (source, [command = '', key, ...args]) => {
      if (source === 'lua') history.#told[`${command.toUpperCase()} ${key}`]?.(args)
    })
    return history
  }

  /** How many the org holds above its limit, without those that were told to leave; below 0 where it has room. */
  get surplus(): number {
    return this.#holders.size - this.#leaving - this.#limit
  }

  stop(): void {
    this.#end()
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
