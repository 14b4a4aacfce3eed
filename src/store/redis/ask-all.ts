import type { Redis, RedisOptions } from 'ioredis'
import { type Clock, sleep } from '../../core/clock.js'
import { openClient, type Patience } from './client.js'
import { cut } from './cut.js'
import type { ServerAddress } from './url.js'

export interface Asked {
  readonly servers: readonly ServerAddress[]
  readonly clock: Clock
  /** How a server lets in. */
  readonly client: () => Pick<RedisOptions, 'username' | 'password' | 'tls'>
}

export interface Answers<T> {
  readonly given: readonly T[]
  /** What each server said that gave none. */
  readonly refused: string
}

/** Longer than anybody waits: a connection is ended with the inquiry. */
const LONGEST_MS = 60_000

/**
 * A question that is put to all servers at once, to each over a connection of its own: one that is cut off from the
 * others may answer with what is true no more, and one that is down must not cost the others' time. Several may wait for
 * the answers, each for as long as it likes; it ends with the last of them, and leaves nothing open.
 */
export class Inquiry<T> {
  readonly #asked: Asked
  readonly #given: T[] = []
  readonly #refusals: (string | undefined)[]
  readonly #over = new AbortController()
  readonly #all: Promise<unknown>
  #waiting = 0

  /** `wantedMs`: when whoever begins it needs the answers. */
  constructor(asked: Asked, question: (redis: Redis, at: ServerAddress) => Promise<T>, wantedMs: number) {
    const { servers, clock, client } = asked
    this.#asked = asked
    this.#refusals = servers.map(() => 'no answer in time')
    const patience = { clock, withinMs: LONGEST_MS, wantedMs, over: this.#over.signal }
    const ask = async (at: ServerAddress, i: number) => {
      try {
        const redis = await openClient({ ...client(), ...at }, patience)
        this.#given.push(await answered(redis, question(redis, at), patience.over))
        this.#refusals[i] = undefined
      } catch (error) {
        this.#refusals[i] = (error as Error).message
      }
    }
    this.#all = Promise.all(servers.map(ask))
  }

  /** Nobody waits any more: who joined now would be told nothing. */
  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  /** What came within `withinMs`, sooner when all have answered or `over` aborts. Never rejects. */
  async answers({ withinMs, over }: Pick<Patience, 'withinMs' | 'over'>): Promise<Answers<T>> {
    const enough = new AbortController()
    const stop = () => enough.abort()
    this.#waiting++
    void this.#all.then(stop)
    if (over.aborted) stop()
    over.addEventListener('abort', stop, { once: true })
    await sleep(this.#asked.clock, withinMs, enough.signal)
    over.removeEventListener('abort', stop)
    const given = [...this.#given]
    const refused = this.#asked.servers.flatMap(({ host, port }, i) => {
      const why = this.#refusals[i]
      return why === undefined ? [] : [`${host}:${port}: ${why}`]
    })
    this.#waiting--
    if (this.#waiting === 0) this.#over.abort()
    return { given, refused: refused.join('; ') }
  }
}

/** The answer, unless time or the connection ends before it; the connection is cut in any case. */
async function answered<T>(redis: Redis, answer: Promise<T>, over: AbortSignal): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    const tooLate = () => reject(new Error('no answer in time'))
    redis.once('close', () => reject(new Error('the connection closed')))
    if (over.aborted) tooLate()
    over.addEventListener('abort', tooLate, { once: true })
  })
  try {
    return await Promise.race([answer, ended])
  } finally {
    cut(redis)
    // Both end with the connection at the latest, and then nobody waits for them any more.
    ended.catch(() => {})
    answer.catch(() => {})
  }
}

/** Of several answers the one with the highest config epoch. */
export function newestOf<T extends { readonly configEpoch: number }>(answers: readonly T[]): T | undefined {
  return answers.reduce<T | undefined>(
    (newest, one) => (newest && newest.configEpoch >= one.configEpoch ? newest : one),
    undefined,
  )
}
