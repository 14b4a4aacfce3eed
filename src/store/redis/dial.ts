import type { Redis } from 'ioredis'
import type { Clock } from '../../core/clock.js'
import { openClient } from './client.js'
import type { Primary, PrimaryFinder } from './primary.js'
import { readTls } from './tls.js'
import type { RedisTarget } from './url.js'

export interface Dialed {
  readonly redis: Redis
  /** Whom the finder named, where there is one. */
  readonly primary?: Primary
}

/** The share of a dial's time in which others may say who is primary; the rest is for the primary. */
const FINDER_SHARE = 0.5

/** Makes connections to one Redis; where others decide who is primary, it asks each time anew. */
export class RedisDialer {
  /** Where Redis is, without credentials. */
  readonly description: string
  readonly finder: PrimaryFinder | undefined
  readonly #target: RedisTarget
  readonly #clock: Clock

  constructor(target: RedisTarget, clock: Clock, finder?: PrimaryFinder) {
    this.description = target.description
    this.finder = finder
    this.#target = target
    this.#clock = clock
  }

  /** Rejects with an Error that says why there is no connection after `withinMs`, and leaves nothing open then. */
  async dial(withinMs: number, over: AbortSignal): Promise<Dialed> {
    const startMs = this.#clock.monotonicMs()
    const { login, database } = this.#target
    const primary = await this.finder?.find(withinMs * FINDER_SHARE, over)
    const leftMs = Math.max(1, withinMs - (this.#clock.monotonicMs() - startMs))
    const patience = { clock: this.#clock, withinMs: leftMs, over }
    const redis = await openClient(
      { ...this.#place(primary), ...login, db: database, ...tlsOf(this.#target) },
      patience,
    )
    return { redis, ...(primary && { primary }) }
  }

  #place(primary: Primary | undefined) {
    if (primary) return { host: primary.host, port: primary.port }
    const { at } = this.#target
    return at.kind === 'socket' ? { path: at.path } : at.kind === 'server' ? at.server : {}
  }
}

/** Read anew for each connection: certificates are renewed. */
export function tlsOf({ tls }: RedisTarget): { tls?: ReturnType<typeof readTls> } {
  return tls ? { tls: readTls(tls) } : {}
}
