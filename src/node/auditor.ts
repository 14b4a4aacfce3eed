import { type Clock, sleep } from '../core/clock.js'
import type { EventBus } from '../core/events.js'
import { type AuditReply, MAX_ITEMS, type ReassertVerdict, type Reply } from '../store/lease-store.js'
import type { HeldConnection } from './held/held-connection.js'
import type { HeldConnections } from './held/held-connections.js'
import type { Session } from './lease/session.js'
import type { ReleaseQueue } from './queues/release-queue.js'

const AUDIT_INTERVAL_MS = 30_000
/** How many audits it takes to look at the sets of all connections. */
const ROUNDS = 20

/**
 * Compares the node's open connections with the store's index of its lease, whole and both ways, and mends what differs
 * (L5). It speaks over the node's own session, behind the answers of acquires and in order with releases, so that what
 * it is told is never older than what the node knows.
 *
 * Index and sets change in one script, so they differ only where somebody has meddled. Looking into every set would
 * cost Redis about as much again as the walk, and so each audit looks into the sets of a part of the connections, and of
 * all where it finds one that lacks its slot.
 */
export class Auditor {
  readonly #clock: Clock
  readonly #events: EventBus
  readonly #held: HeldConnections
  readonly #releases: ReleaseQueue
  /** None while the store is still being told of what is open: that is another's work, and limits count there. */
  readonly #session: () => Session | undefined
  readonly #onPolicy: (evictionPolicy: string) => void
  readonly #rounds: number
  #round = 0
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined

  constructor(parts: {
    clock: Clock
    events: EventBus
    held: HeldConnections
    releases: ReleaseQueue
    session: () => Session | undefined
    /** Told with every audit what the store does when memory runs out: an operator may change that while it runs. */
    onPolicy: (evictionPolicy: string) => void
    rounds?: number
  }) {
    this.#rounds = parts.rounds ?? ROUNDS
    this.#clock = parts.clock
    this.#events = parts.events
    this.#held = parts.held
    this.#releases = parts.releases
    this.#session = parts.session
    this.#onPolicy = parts.onPolicy
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await sleep(this.#clock, AUDIT_INTERVAL_MS, this.#stop.signal)
      const session = this.#session()
      if (session && !this.#stop.signal.aborted) await this.audit(session)
    }
  }

  /** One whole walk. Ends early when the session does; the next one begins anew. */
  async audit(session: Session): Promise<void> {
    const mine = this.#held.held()
    const isDue = (_: unknown, i: number) => i % this.#rounds === this.#round
    let [deep, rest] = [mine.filter(isDue), mine.filter((one, i) => !isDue(one, i))]
    this.#round = (this.#round + 1) % this.#rounds
    const listed = new Set<string>()
    const broken = new Set<HeldConnection>()
    let cursor: string | undefined = '0'
    let [leaked, missing, next] = [0, 0, 0]
    while (cursor !== undefined || next < deep.length) {
      const chunk = deep.slice(next, next + MAX_ITEMS).filter((connection) => connection.state === 'held')
      next = Math.min(next + MAX_ITEMS, deep.length)
      const page: string | undefined = cursor
      const claims = chunk.map((connection) => connection.claim)
      const reply: Reply<AuditReply> = await session.call((connection, fence) => connection.audit(fence, page, claims))
      if (reply.status !== 'ok') return
      for (const { id } of reply.value.entries) listed.add(id)
      leaked += this.#giveBack(reply.value)
      if (page === '0') this.#onPolicy(reply.value.evictionPolicy)
      const wanting = chunk.filter((_, i) => !reply.value.whole[i])
      for (const connection of wanting) broken.add(connection)
      if (wanting.length > 0) [deep, rest] = [deep.concat(rest), []]
      if (cursor !== undefined) cursor = reply.value.cursor === '0' ? undefined : reply.value.cursor
    }
    // What stood in the index all the while has been listed: HSCAN promises that.
    for (const connection of mine.filter(({ id }) => !listed.has(id))) broken.add(connection)
    const all = [...broken]
    for (let from = 0; from < all.length; from += MAX_ITEMS) {
      missing += await this.#putBack(session, all.slice(from, from + MAX_ITEMS))
    }
    if (leaked + missing > 0) this.#events.emit('drift.repaired', { leaked, missing })
  }

  /** Slots in the store that no connection here has, nor is asking for, nor is giving back already. */
  #giveBack({ entries }: AuditReply): number {
    const leaks = entries.filter(({ id }) => !this.#held.has(id) && !this.#releases.has(id))
    for (const leak of leaks) this.#releases.add(leak)
    return leaks.length
  }

  /** Connections that are open and admitted but not, or not wholly, in the store. */
  async #putBack(session: Session, broken: readonly HeldConnection[]): Promise<number> {
    const open = broken.filter((connection) => connection.staying)
    if (open.length === 0) return 0
    for (const connection of open) connection.tell()
    const claims = open.map((connection) => connection.claim)
    const how = { mode: 'keep', final: false } as const
    const reply = await session.call((connection, fence) => connection.reassert(fence, claims, how))
    // The release of one that closed meanwhile may have overtaken this (see `RedisScript`): it is said once more, even
    // where this went unanswered and may have been done all the same.
    for (const connection of open) if (connection.state === 'gone') this.#releases.add(connection.claim)
    if (reply.status !== 'ok') return 0
    // Its client came back elsewhere while the store did not have it, so that nobody could be ordered to close it.
    open.forEach((connection, i) => {
      if (reply.value[i] === 'taken' && connection.state === 'held') connection.leave('TAKEN_OVER')
    })
    // What the store ordered to close it does not take back, although this node may not have heard of the order yet.
    const gone: readonly ReassertVerdict[] = ['ordered', 'taken']
    return reply.value.filter((verdict) => !gone.includes(verdict)).length
  }
}
