import { setMaxListeners } from 'node:events'
import { type Clock, keepAwake, sleep, within } from '../../core/clock.js'
import { eitherOf } from '../../core/ending.js'
import type { EventBus } from '../../core/events.js'
import type { Peer } from '../../core/peer.js'
import { FairShare } from '../../core/structures/fair-share.js'
import type { ScopeRef } from '../../store/lease-store.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { HeldConnections } from '../held/held-connections.js'
import { INSTANCE } from '../held/instances.js'
import { isSilent, isThere } from '../held/watched-peer.js'
import type { ReleaseQueue } from '../queues/release-queue.js'
import { Recent } from './recent.js'
import type { Waiter } from './waiter.js'

/** So many peers are pinged in one round; the next round finds who is left. */
const MAX_ASKED = 64
/** So many may wait for one round, of one org half of them; who comes beyond is refused at once. */
const MAX_WAITERS = 32
/** So many times the peers' time to answer a refused client waits at most. */
const STRETCH = 1.5

export interface ProberParts {
  readonly clock: Clock
  readonly events: EventBus
  readonly held: HeldConnections
  readonly releases: ReleaseQueue
  /** What a peer has to answer; 0 to ask nobody. */
  readonly timeoutMs: number
  /** What the store has to confirm that a slot is free. */
  readonly confirmMs: number
}

interface Round {
  /** Aborts at its end. */
  readonly over: AbortController
  freed: number
  /** Of a limit that orgs share, such as the cluster's, they may be those of several. */
  readonly waiters: FairShare
}

type Asked = HeldConnection & { readonly peer: Peer }

/**
 * Asks the silent peers of a full scope whether they are still there, before anybody is turned away for them (L3). Only
 * one that was silent for longer than a ping interval is asked, and only one that does not answer in the full time is
 * cut off: however hard others knock, who answers its pings keeps its slot. The old connection of an instance that
 * comes back is asked however lately it was heard, since whoever comes back says that it is gone.
 *
 * One round for a scope at a time, and one a second at most. Who is refused during a round waits for its end.
 */
export class Prober {
  readonly #parts: ProberParts
  readonly #rounds: Recent<Round>

  constructor(parts: ProberParts) {
    this.#parts = parts
    this.#rounds = new Recent(parts.clock, ({ over }) => over.signal.aborted)
  }

  /**
   * Whether it is worth to ask for a slot of this scope once more, because one was freed meanwhile. At once where nobody
   * here is silent or was looked for a moment ago, or the waiter finds no place; else within the time to answer, or when
   * its signal aborts.
   */
  async frees(scope: ScopeRef, waiter: Waiter): Promise<boolean> {
    const { clock } = this.#parts
    const { org, signal } = waiter
    const round = this.look(scope, org)
    if (!round || round.over.signal.aborted || signal?.aborted) return false
    if (!round.waiters.enter(org)) return false
    const mayWait = waiter.mayWait()
    if (mayWait) {
      const end = signal ? eitherOf(round.over.signal, signal) : round.over.signal
      // A peer's time is stretched while this process stands still; that of who waits is not stretched without end. Where
      // only memory is asked and the peer never answers, nothing else may be left that keeps the process alive.
      await keepAwake(sleep(clock, this.#longestWaitMs, end))
    }
    round.waiters.leave(org)
    return mayWait && round.freed > 0
  }

  /**
   * Begins a round, unless there was one within the last second. Without an `org` it is another node that asks, which does
   * not say for whom: there are no more of these than scopes in which this node has held a slot since it last heard.
   */
  look(scope: ScopeRef, org?: string): Round | undefined {
    if (this.#parts.timeoutMs === 0) return undefined
    // Clients choose these names: those of which nobody is here are not worth a place.
    if (scope.name === INSTANCE && this.#parts.held.heldIn(scope) === 0) return undefined
    return this.#rounds.get(scope, org, () => this.#begin(scope))
  }

  #begin(scope: ScopeRef): Round {
    const round: Round = { over: new AbortController(), freed: 0, waiters: new FairShare(MAX_WAITERS) }
    setMaxListeners(MAX_WAITERS, round.over.signal)
    const asked = this.#silentIn(scope)
    if (asked.length === 0) round.over.abort()
    else void this.#run(round, scope, asked)
    return round
  }

  async #run(round: Round, { name, id }: ScopeRef, asked: readonly Asked[]): Promise<void> {
    await Promise.all(
      asked.map(async (connection) => {
        if (!(await this.#isThere(connection))) round.freed++
      }),
    )
    round.over.abort()
    const { freed } = round
    this.#parts.events.emit('peers.probed', { scope: name, id, asked: asked.length, freed })
  }

  get #longestWaitMs(): number {
    return STRETCH * this.#parts.timeoutMs + this.#parts.confirmMs
  }

  /**
   * Cut off, it has not left before the store has confirmed that its slot is free. One that gives no answer at all,
   * long after nobody waits for it any more, counts as there: else its scope would never have another round.
   */
  async #isThere({ id, peer }: Asked): Promise<boolean> {
    const { clock, releases, timeoutMs, confirmMs } = this.#parts
    let answer = true
    const answered = isThere(peer, timeoutMs).then((isIt) => {
      answer = isIt
    })
    await within(clock, 2 * this.#longestWaitMs, answered)
    if (answer) return true
    await within(clock, confirmMs, releases.whenReturned(id))
    return false
  }

  #silentIn(scope: ScopeRef): Asked[] {
    const silent: Asked[] = []
    for (const connection of this.#parts.held.in(scope)) {
      const { peer } = connection
      if (peer && (scope.name === INSTANCE || isSilent(peer))) silent.push(connection as Asked)
      if (silent.length === MAX_ASKED) break
    }
    return silent
  }
}
