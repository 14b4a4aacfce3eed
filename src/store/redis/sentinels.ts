import type { Redis } from 'ioredis'
import { type Asked, Inquiry, newestOf } from './ask-all.js'
import type { Primary, PrimaryFinder } from './primary.js'

export interface SentinelsOptions extends Asked {
  /** The name that the sentinels know the primary by. */
  readonly name: string
}

/** Has the sentinels say who is primary. */
export class RedisSentinels implements PrimaryFinder {
  readonly namedAnother = 'the sentinels name another primary'
  readonly #options: SentinelsOptions

  constructor(options: SentinelsOptions) {
    this.#options = options
  }

  async find(withinMs: number, over: AbortSignal): Promise<Primary> {
    const { name } = this.#options
    const question = (redis: Redis) => primaryNamedBy(redis, name)
    const { given, refused } = await new Inquiry(this.#options, question, withinMs).answers({ withinMs, over })
    const newest = newestOf(given)
    if (newest) return newest
    throw new Error(`no sentinel names a primary "${name}": ${refused}`)
  }
}

/** The address as sentinels give it to clients, since only they know what they announce, and how new it is. */
async function primaryNamedBy(redis: Redis, name: string): Promise<Primary> {
  const [address, state] = await Promise.all([
    redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
    // A sentinel that does not tell its state is believed last.
    redis.call('SENTINEL', 'MASTER', name).catch(() => []),
  ])
  const [host, port] = Array.isArray(address) ? address.map(String) : []
  if (!host || !(Number(port) > 0)) throw new Error('it does not know that name')
  const facts = Array.isArray(state) ? state.map(String) : []
  const at = facts.indexOf('config-epoch')
  return { host, port: Number(port), configEpoch: at < 0 ? -1 : Number(facts[at + 1]) }
}
