import type { Redis, RedisOptions } from 'ioredis'
import type { Clock } from '../core/clock.js'
import { openClient, type Patience } from './redis-client.js'
import { cut } from './redis-cut.js'
import type { ServerAddress } from './redis-url.js'

/** Who the sentinels say is primary. */
export interface Primary extends ServerAddress {
  /** Which failover made it so: of two answers the one with the higher epoch is newer. */
  readonly configEpoch: number
}

export interface SentinelsOptions {
  readonly sentinels: readonly ServerAddress[]
  /** The name that the sentinels know the primary by. */
  readonly name: string
  readonly clock: Clock
  /** How a sentinel lets in. */
  readonly client: () => Pick<RedisOptions, 'username' | 'password' | 'tls'>
}

/**
 * Knows who is primary, by asking. All sentinels are asked at once and the newest answer counts: one that is cut off from
 * the others goes on naming a primary that is none any more, and one that is down must not cost the others' time.
 */
export class RedisSentinels {
  readonly #options: SentinelsOptions

  constructor(options: SentinelsOptions) {
    this.#options = options
  }

  /**
   * The newest answer of those that came within `withinMs`, which ends sooner when all have answered. Rejects with an
   * Error that says what each sentinel said where none names a primary.
   */
  async find(withinMs: number, over: AbortSignal): Promise<Primary> {
    const { sentinels, name, clock } = this.#options
    const enough = new AbortController()
    const stop = () => enough.abort()
    over.addEventListener('abort', stop, { once: true })
    const cancel = clock.after(withinMs, stop)
    const patience = { clock, withinMs, over: enough.signal }
    const answers = await Promise.allSettled(sentinels.map((at) => this.#ask(at, patience)))
    cancel()
    over.removeEventListener('abort', stop)
    const named = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const [first, ...rest] = named
    if (first) return rest.reduce((newest, one) => (one.configEpoch > newest.configEpoch ? one : newest), first)
    const said = answers.map((answer, i) => {
      const { host, port } = sentinels[i]!
      return `${host}:${port}: ${answer.status === 'rejected' ? (answer.reason as Error).message : 'nothing'}`
    })
    throw new Error(`no sentinel names a primary "${name}": ${said.join('; ')}`)
  }

  async #ask(at: ServerAddress, patience: Patience): Promise<Primary> {
    const redis = await openClient({ ...this.#options.client(), ...at }, patience)
    const ended = new Promise<never>((_, reject) => {
      const tooLate = () => reject(new Error('no answer in time'))
      redis.once('close', () => reject(new Error('the connection closed')))
      if (patience.over.aborted) tooLate()
      patience.over.addEventListener('abort', tooLate, { once: true })
    })
    try {
      return await Promise.race([primaryNamedBy(redis, this.#options.name), ended])
    } finally {
      cut(redis)
      // It ends with the connection at the latest, and then nobody waits for it any more.
      ended.catch(() => {})
    }
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
