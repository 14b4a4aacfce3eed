import type { ClosingCode } from '../../core/closures.js'
import type { Peer } from '../../core/peer.js'
import type { Claim, ScopeClaim } from '../../store/lease-store.js'
import { INSTANCE } from './instances.js'
import { tellLost } from './watched-peer.js'

type State = 'asking' | 'held' | 'slotless' | 'gone'

/**
 * One connection and its owner's view of its slot. It goes `asking` → `held` → `gone`, or `asking` → `gone`; never
 * back. On the way from `held` it is `slotless` where no room was left after the lease was lost: still open until its
 * owner has closed it, but no longer told to the store, which would take a slot for it beyond the limit. Its acquire
 * and its release are never in flight together: the release is handed on only once the acquire has been answered, or
 * can no longer take effect.
 */
export class HeldConnection {
  readonly claim: Claim
  /** The id of an earlier connection of the same client, whose slot this one may have. */
  readonly replaces: string | undefined
  /** For the order in which connections are reasserted after a fence: the oldest first. */
  readonly sinceMs: number
  #state: State = 'asking'
  #debt = false
  #untold = false
  #leaving = false
  #closing: ClosingCode | undefined
  #isGivenUp = false
  #peer: Peer | undefined
  /** Made on demand: an idle connection should cost little. */
  #lost: AbortController | undefined

  constructor(claim: Claim, sinceMs: number, replaces?: string) {
    this.claim = claim
    this.sinceMs = sinceMs
    this.replaces = replaces
  }

  get id(): string {
    return this.claim.id
  }

  get org(): string {
    return this.claim.scopes[0].id
  }

  /** The scope that it alone may hold; `undefined` where it named no instance, or that is not limited. */
  get instance(): ScopeClaim | undefined {
    const { scopes } = this.claim
    return scopes.length === 1 ? undefined : scopes.find(({ name }) => name === INSTANCE)
  }

  get state(): State {
    return this.#state
  }

  /** Admitted in the store's absence: the store has yet to learn of it. */
  get debt(): boolean {
    return this.#debt
  }

  /** Of such a one: no call has told the store of it yet, so there is no slot to give back. */
  get untold(): boolean {
    return this.#untold
  }

  /** It is being closed as ordered; its slot is its own until the socket has closed, or the lease is lost. */
  get leaving(): boolean {
    return this.#leaving
  }

  /** It is admitted, has not lost its slot, and nobody has ordered it to close. */
  get staying(): boolean {
    return this.#state === 'held' && !this.#leaving
  }

  /** Why it is to be closed, once it is. */
  get closing(): ClosingCode | undefined {
    return this.#closing
  }

  /** It is to be closed, and not for a stop alone: it has no slot to come back to, and carries no frame again. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** Present once its owner has told how to ask it whether it is still there. */
  get peer(): Peer | undefined {
    return this.#peer
  }

  /** Tells how to ask it whether it is still there, and to close it: at once where it was to be closed before. */
  watch(peer: Peer): void {
    if (this.#state === 'gone') return
    this.#peer = peer
    if (this.#closing) tellLost(peer, this.#closing)
  }

  /** The store has given it its slot. */
  hold(): void {
    if (this.#state === 'asking') this.#state = 'held'
  }

  /** It is let in without the store. */
  holdAsDebt(): void {
    this.hold()
    this.#debt = true
    this.#untold = true
  }

  /** A call that tells the store of it is on its way: it may have a slot there from now on. */
  tell(): void {
    this.#untold = false
  }

  /** The store has learned of it. */
  repay(): void {
    this.#debt = false
  }

  /** It is over. The peer leads to the socket, which shall not live on with what may yet point here. */
  end(): void {
    this.#state = 'gone'
    this.#peer = undefined
  }

  /** Aborts when the connection should be closed; the reason is a `ClosingCode`. */
  get lost(): AbortSignal {
    if (!this.#lost) {
      this.#lost = new AbortController()
      if (this.#closing) this.#lost.abort(this.#closing)
    }
    return this.#lost.signal
  }

  /** What the store ordered. Said again until the slot is given back, and heard once. */
  leave(closing: ClosingCode): void {
    this.#leaving = true
    this.lose(closing)
  }

  /** The store has no slot for it any more. */
  loseSlot(closing: ClosingCode = 'LEASE_LOST'): void {
    if (this.#state === 'held') this.#state = 'slotless'
    this.lose(closing)
  }

  lose(closing: ClosingCode): void {
    if (closing !== 'DRAINING') this.#isGivenUp = true
    if (this.#closing) return
    this.#closing = closing
    this.#lost?.abort(closing)
    tellLost(this.#peer, closing)
  }
}
