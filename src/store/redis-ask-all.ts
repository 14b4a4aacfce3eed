import type { Redis, RedisOptions } from 'ioredis'
import type { Clock } from '../core/clock.js'
import { openClient, type Patience } from './redis-client.js'
import { cut } from './redis-cut.js'
import type { ServerAddress } from './redis-url.js'

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

/**
 * Puts a question to all servers at once, each over a connection of its own: one that is cut off from the others may
 * answer with what is true no more, and one that is down must not cost the others' time. Has what came within
 * `withinMs`, which ends sooner when all have answered. Never rejects, and leaves nothing open.
 */
export async function askAll<T>(
  { servers, clock, client }: Asked,
  question: (redis: Redis, at: ServerAddress) => Promise<T>,
  { withinMs, over }: Pick<Patience, 'withinMs' | 'over'>,
): Promise<Answers<T>> {
  const enough = new AbortController()
  const stop = () => enough.abort()
  over.addEventListener('abort', stop, { once: true })
  const cancel = clock.after(withinMs, stop)
  const patience = { clock, withinMs, over: enough.signal }
  const ask = async (at: ServerAddress) => {
    const redis = await openClient({ ...client(), ...at }, patience)
    return answered(redis, question(redis, at), enough.signal)
  }
  const answers = await Promise.allSettled(servers.map(ask))
  cancel()
  over.removeEventListener('abort', stop)
  const refused = answers.flatMap((answer, i) => {
    const { host, port } = servers[i]!
    return answer.status === 'rejected' ? [`${host}:${port}: ${(answer.reason as Error).message}`] : []
  })
  return {
    given: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
    refused: refused.join('; '),
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
