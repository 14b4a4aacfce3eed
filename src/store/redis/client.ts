import { Redis, type RedisOptions } from 'ioredis'
import type { Clock } from '../../core/clock.js'
import { advised } from './advice.js'
import { type ConnectorTime, RedisConnector } from './connector.js'
import { cut } from './cut.js'

type OwnOptions = Omit<RedisOptions, 'replyMapping'>

/** Of every client of ours: it connects once, sends each thing once, and says at once that it cannot. */
const OPTIONS: OwnOptions = {
  Connector: RedisConnector,
  lazyConnect: true,
  // An admission must not hang behind a queue that nobody sees, and nothing may be sent twice.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // The script says itself when the store is loading or read-only; asking first costs a round trip.
  enableReadyCheck: false,
  retryStrategy: null,
  protocol: 2,
  // A user with the least rights may not say who its client is.
  disableClientInfo: true,
  noDelay: true,
}

export interface Patience {
  readonly clock: Clock
  readonly withinMs: number
  /** When it is needed, where that is sooner: the addresses of a name that has several share this time. */
  readonly wantedMs?: number
  /** Ends the attempt at once when it aborts. */
  readonly over: AbortSignal
}

/**
 * A client that is connected, let in and in its database, within the time given. Rejects with an Error that says why
 * not, and leaves nothing open then. It never reconnects: whoever has it replaces it.
 */
export async function openClient(where: OwnOptions, { clock, withinMs, wantedMs, over }: Patience): Promise<Redis> {
  if (over.aborted) throw new Error('given up')
  const timing = { connectTimeout: Math.max(1_000, withinMs), withinMs: wantedMs ?? withinMs }
  const options: OwnOptions & ConnectorTime = { ...OPTIONS, ...timing, ...where }
  const redis = new Redis(options)
  let cause: string | undefined
  // Without a listener ioredis prints errors itself. A database that does not exist is told so and nowhere else.
  redis.on('error', (error: Error) => {
    cause ??= error.message
  })
  const giveUp = (why: string) => {
    cause ??= why
    cut(redis)
  }
  const abandon = () => giveUp('given up')
  const cancel = clock.after(withinMs, () => giveUp(`no connection within ${Math.round(withinMs)} ms`))
  over.addEventListener('abort', abandon, { once: true })
  try {
    // What ioredis throws here says only that the connection is closed; the event before it said why.
    await redis.connect().catch(() => {
      cause ??= 'the connection closed'
    })
    if (cause === undefined) return redis
    cut(redis)
    throw new Error(advised(cause))
  } finally {
    cancel()
    over.removeEventListener('abort', abandon)
  }
}
