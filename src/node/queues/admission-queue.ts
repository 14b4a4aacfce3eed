import type { Clock } from '../../core/clock.js'
import type { Ending } from '../../core/ending.js'
import { Deadlines, type Waiting } from '../../core/structures/deadlines.js'
import { Line } from '../../core/structures/line.js'
import { type Fence, MAX_ITEMS, type Reply, type StoreConnection, type Verdict } from '../../store/lease-store.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { HeldConnections } from '../held/held-connections.js'
import type { Session } from '../lease/session.js'
import { Gathering } from './gathering.js'
import type { ReleaseQueue } from './release-queue.js'

export type AdmissionOutcome =
  | { readonly kind: 'decided'; readonly verdict: Verdict }
  | { readonly kind: 'recovering'; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'unavailable'; readonly cause: string }
  | { readonly kind: 'abandoned' }

interface Ticket extends Waiting {
  readonly connection: HeldConnection
  readonly resolve: (outcome: AdmissionOutcome) => void
  readonly signal: Ending | undefined
  /** What listens to the signal. */
  abandon: (() => void) | undefined
  sent: boolean
  /** An attempt went unanswered, so the slot may be taken already. */
  maybeTaken: boolean
  done: boolean
  /** Its turn among those that are in no call, beside that among all. */
  callTurn: number
}

/** A batch is of one sort. */
function ask(store: StoreConnection, fence: Fence, batch: readonly Ticket[]): Promise<Reply<Verdict[]>> {
  if (batch[0]!.connection.replaces !== undefined) {
    const claims = batch.map(({ connection }) => ({ ...connection.claim, replaces: connection.replaces! }))
    return store.takeover(fence, claims)
  }
  const again = batch.some((ticket) => ticket.maybeTaken)
  const claims = batch.map((ticket) => ticket.connection.claim)
  return store.acquire(fence, claims, { again })
}

/** More calls at once would only queue in Redis; fewer would leave it idle while a reply travels. */
const CALLS_IN_FLIGHT = 2
/**
 * Where a crowd fills whole calls, so many may be under way: a node that accepts a thousand sockets in one turn of its
 * loop reads the next reply a quarter of a second later, and two calls a turn would decide 128 of them within C.
 */
const FULL_CALLS_IN_FLIGHT = 16
const MAX_TICKETS = 8_192

/**
 * Asks the store for slots. A lone admission is sent at once; what arrives in the same turns of the event loop, or
 * while calls are outstanding, shares the next one. A ticket is decided within the call timeout, however often the
 * connection is replaced meanwhile: the id is made beforehand and older generations are refused, so asking again cannot
 * take a second slot. What may have been taken for somebody who no longer waits is handed to the release queue, and
 * only once its acquire can no longer take effect.
 */
export class AdmissionQueue {
  readonly #clock: Clock
  readonly #budgetMs: number
  readonly #held: HeldConnections
  readonly #releases: ReleaseQueue
  /** Whether the lease may still be trusted: an answer that comes later is not used. */
  readonly #trusted: () => boolean
  /** All undecided tickets, the oldest first. */
  readonly #tickets: Deadlines<Ticket>
  /** Those of them that are in no call, in the same order, by the verb that asks for them. */
  readonly #usual = new Line<Ticket>()
  readonly #takeovers = new Line<Ticket>()
  readonly #gathering: Gathering
  #session: Session | undefined
  #closedAtMs: number
  #rejoining = false
  #callsInFlight = 0

  constructor(parts: {
    clock: Clock
    budgetMs: number
    held: HeldConnections
    releases: ReleaseQueue
    trusted: () => boolean
  }) {
    this.#clock = parts.clock
    this.#budgetMs = parts.budgetMs
    this.#held = parts.held
    this.#releases = parts.releases
    this.#trusted = parts.trusted
    this.#closedAtMs = parts.clock.monotonicMs()
    this.#tickets = new Deadlines(parts.clock, parts.budgetMs, (ticket) => {
      this.#finish(ticket, this.#unavailable(`no decision within ${this.#budgetMs} ms`))
    })
    this.#gathering = new Gathering({
      clock: parts.clock,
      waiting: () => this.#waiting,
      hasCompany: () => this.#tickets.size > 1,
      call: () => this.#flush(),
    })
  }

  get size(): number {
    return this.#tickets.size
  }

  ask(connection: HeldConnection, signal?: Ending): Promise<AdmissionOutcome> {
    if (signal?.aborted) return Promise.resolve({ kind: 'abandoned' })
    if (!this.#session && this.#leftMs(this.#closedAtMs) <= 0) {
      return Promise.resolve(this.#unavailable('the store is away'))
    }
    if (this.#tickets.size >= MAX_TICKETS) {
      return Promise.resolve(this.#unavailable(`${MAX_TICKETS} admissions are waiting`))
    }
    return new Promise((resolve) => {
      const ticket: Ticket = {
        connection,
        resolve,
        signal,
        abandon: undefined,
        sent: false,
        maybeTaken: false,
        done: false,
        waitsSinceMs: 0,
        turn: -1,
        callTurn: -1,
      }
      if (signal) {
        ticket.abandon = () => this.#finish(ticket, { kind: 'abandoned' })
        signal.addEventListener('abort', ticket.abandon)
      }
      this.#held.add(connection)
      this.#tickets.add(ticket)
      this.#enlist(ticket)
      this.#flushSoon()
    })
  }

  open(session: Session): void {
    this.#session = session
    this.#rejoining = false
    this.#flush()
  }

  /** The store is there again, and is being told of what is open: who asks now need not be turned away at once. */
  opening(): void {
    this.#closedAtMs = this.#clock.monotonicMs()
    this.#rejoining = true
  }

  /** `rejoining` says that the store is there, as far as is known, and has to be told of what is open. */
  close(rejoining: boolean): void {
    if (this.#session) this.#closedAtMs = this.#clock.monotonicMs()
    this.#session = undefined
    this.#rejoining = rejoining
    this.#tickets.rest()
  }

  /** What fills a call needs to wait for nobody. */
  #flushSoon(): void {
    if (this.#waiting >= MAX_ITEMS) this.#flush()
    if (this.#waiting > 0) this.#gathering.begin()
  }

  #flush(): void {
    while (this.#session && !this.#session.end && this.#waiting > 0) {
      if (this.#callsInFlight >= (this.#waiting < MAX_ITEMS ? CALLS_IN_FLIGHT : FULL_CALLS_IN_FLIGHT)) return
      const line = this.#next()
      if (line.size < MAX_ITEMS && this.#callsInFlight >= CALLS_IN_FLIGHT) return
      void this.#send(this.#session, line.take(MAX_ITEMS))
    }
  }

  get #waiting(): number {
    return this.#usual.size + this.#takeovers.size
  }

  /** Takeovers have a verb of their own, so the usual call does not pay for them: whoever came first says which. */
  #next(): Line<Ticket> {
    const [usual, takeover] = [this.#usual.first, this.#takeovers.first]
    return takeover && !(usual && usual.turn < takeover.turn) ? this.#takeovers : this.#usual
  }

  #lineOf({ connection }: Ticket): Line<Ticket> {
    return connection.replaces === undefined ? this.#usual : this.#takeovers
  }

  #enlist(ticket: Ticket): void {
    ticket.callTurn = this.#lineOf(ticket).push(ticket)
  }

  async #send(session: Session, batch: Ticket[]): Promise<void> {
    for (const ticket of batch) ticket.sent = true
    this.#callsInFlight++
    this.#releases.sendAhead()
    const reply = await session.call((connection, fence) => ask(connection, fence, batch))
    this.#callsInFlight--
    batch.forEach((ticket, i) => {
      ticket.sent = false
      this.#answered(ticket, reply, i)
    })
    if (batch.some(({ done }) => !done)) this.#enlistAnew()
    this.#flushSoon()
  }

  /** Who was not answered asks again in the next session, before all who came later. */
  #enlistAnew(): void {
    this.#usual.clear()
    this.#takeovers.clear()
    for (const ticket of this.#tickets.members()) if (!ticket.sent) this.#enlist(ticket)
  }

  #answered(ticket: Ticket, reply: Reply<Verdict[]>, item: number): void {
    const verdict = reply.status === 'ok' ? (reply.value[item] as Verdict) : undefined
    if (verdict) ticket.maybeTaken = verdict.admitted
    if (reply.status === 'unanswered') ticket.maybeTaken = true

    if (ticket.done) this.#letGo(ticket)
    else if (verdict?.admitted && !this.#trusted()) {
      this.#finish(ticket, this.#unavailable('the answer came after the deadline of the lease'))
    } else if (verdict) this.#finish(ticket, { kind: 'decided', verdict })
    else if (reply.status === 'refused' && reply.reason === 'recovering') {
      this.#finish(ticket, { kind: 'recovering', retryAfterMs: reply.retryAfterMs })
    }
    // Anything else leaves the ticket waiting for the next session.
  }

  #finish(ticket: Ticket, outcome: AdmissionOutcome): void {
    if (ticket.done) return
    ticket.done = true
    this.#tickets.remove(ticket)
    if (!ticket.sent) this.#lineOf(ticket).remove(ticket.callTurn)
    if (ticket.abandon) ticket.signal?.removeEventListener('abort', ticket.abandon)
    // In the same turn as the answer, so that nothing can come between the slot and its owner.
    if (outcome.kind === 'decided' && outcome.verdict.admitted) ticket.connection.hold()
    else if (!ticket.sent) this.#letGo(ticket)
    ticket.resolve(outcome)
  }

  #letGo(ticket: Ticket): void {
    if (ticket.maybeTaken) this.#releases.add(ticket.connection.claim)
    this.#held.remove(ticket.connection)
  }

  #unavailable(cause: string): AdmissionOutcome {
    return this.#rejoining ? { kind: 'recovering', retryAfterMs: undefined } : { kind: 'unavailable', cause }
  }

  #leftMs(sinceMs: number): number {
    return this.#budgetMs - (this.#clock.monotonicMs() - sinceMs)
  }
}
