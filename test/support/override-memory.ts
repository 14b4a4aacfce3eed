import { expect } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { Session } from '../../src/node/lease/session.js'
import type { SetTerms } from '../../src/node/limits/limit-terms.js'
import { Overrides } from '../../src/node/limits/overrides.js'
import type { RenewReply, Reply, StoreConnection } from '../../src/store/lease-store.js'
import { ManualClock } from './manual-clock.js'
import type { StoreNode } from './store-node.js'

const idle = async () => {}

/** What one node remembers of overrides, in a session that the test opens, and what it tells of them. */
export class Memory {
  readonly clock = new ManualClock()
  readonly events = new EventBus()
  readonly told: string[] = []
  readonly overrides: Overrides
  #session: WatchedSession | undefined

  constructor(mostKnown?: number) {
    const { clock, events } = this
    this.overrides = new Overrides({ clock, events, ...(mostKnown !== undefined && { mostKnown }) })
    events.on('limit.learned', ({ org, kind, limit }) => this.told.push(`${kind} of ${org}: ${limit}`))
    events.on('limit.ended', ({ org, kind }) => this.told.push(`${kind} of ${org} ended`))
    events.on('limit.set', (event) => this.told.push(JSON.stringify(event)))
    events.on('overrides.overflowed', ({ remembered }) => this.told.push(`more than ${remembered}`))
    events.on('overrides.restored', (counts) => this.told.push(JSON.stringify(counts)))
  }

  /** A session as the keeper opens it: first the memory is settled. */
  async join(node: StoreNode, betweenChunks = idle): Promise<void> {
    this.#session = new WatchedSession(node.connection, node.fence)
    expect(await this.overrides.restore(this.#session, betweenChunks)).toBe(true)
  }

  set(org: string, limit: number | undefined, terms: SetTerms = {}): Promise<void> {
    return this.overrides.set(this.#session, org, limit, terms)
  }

  /** What a renewal tells, and all that follows from it. */
  async renew(node: StoreNode): Promise<RenewReply> {
    const reply = await node.renew()
    this.overrides.heard(this.#session!, reply)
    await this.#session!.quiet()
    return reply
  }
}

class WatchedSession extends Session {
  readonly #asked = new Set<Promise<unknown>>()

  override call<T>(
    say: (connection: StoreConnection, fence: Session['fence']) => Promise<Reply<T>>,
  ): Promise<Reply<T>> {
    const reply = super.call(say)
    this.#asked.add(reply)
    void reply.finally(() => this.#asked.delete(reply))
    return reply
  }

  /** Until all that was asked is answered, and nothing more follows from that. */
  async quiet(): Promise<void> {
    do {
      await Promise.all(this.#asked)
      await new Promise((resolve) => setImmediate(resolve))
    } while (this.#asked.size > 0)
  }
}
