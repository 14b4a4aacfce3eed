import type { Fence, Reply, StoreConnection } from '../../store/lease-store.js'

export type SessionEnd = 'lost' | 'fenced' | 'stale' | 'unanswered' | 'closed'

/**
 * One generation of the lease on one connection, from hello until the first call that goes unanswered or is refused.
 * Every caller speaks through `call`, so that none can overlook the end.
 */
export class Session {
  readonly fence: Fence
  readonly #connection: StoreConnection
  readonly #ended = new AbortController()
  #end: { readonly why: SessionEnd; readonly cause: string } | undefined

  constructor(connection: StoreConnection, fence: Fence) {
    this.#connection = connection
    this.fence = fence
    connection.closed.then((cause) => this.close('closed', cause))
  }

  get end(): { readonly why: SessionEnd; readonly cause: string } | undefined {
    return this.#end
  }

  /** Aborts when the session is over. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  async call<T>(say: (connection: StoreConnection, fence: Fence) => Promise<Reply<T>>): Promise<Reply<T>> {
    if (this.end) return unanswered(this.end)
    const reply = await say(this.#connection, this.fence)
    // What is answered after the end is not used: it was said under a lease or a generation that is gone.
    if (this.end) return unanswered(this.end)
    if (reply.status === 'unanswered') this.close('unanswered', reply.cause)
    if (reply.status === 'refused' && reply.reason !== 'recovering') this.close(reply.reason, `lease ${reply.reason}`)
    return reply
  }

  close(why: SessionEnd, cause: string): void {
    if (this.#end) return
    this.#end = { why, cause }
    this.#connection.destroy(cause)
    this.#ended.abort()
  }
}

function unanswered({ cause }: { readonly cause: string }): Reply<never> {
  return { status: 'unanswered', cause }
}
