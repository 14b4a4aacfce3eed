import type { Clock } from '../../core/clock.js'
import { newLease, newSecret } from '../../core/ids.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { HelloReply, HelloRequest } from '../../store/lease-store.js'
import { elapsedMs, type Moment, momentOf } from './moment.js'

/** What a hello says of the lease: its name, the generation it opens, and what the node knows from before. */
export type LeaseClaim = Pick<HelloRequest, 'lease' | 'generation' | 'known' | 'lastEpoch' | 'proposedSecret'>

/**
 * Under which name and generation the node speaks to the store. No two hellos say the same.
 *
 *     opening: a lease that was asked for and not got, or not heard of; each hello asks with a higher generation
 *       → held, when one is answered
 *       → opening another, when it is refused, or was asked for so long ago that it may be dead and forgotten
 *     held: each connection says hello with the next generation
 *       → opening another, when the lease is gone
 *
 * A lease whose first hello went unanswered may live in the store all the same. It is asked for again by its name, so
 * that no node ever has two: recovery would wait for the one that nobody speaks for (R1).
 */
export class LeaseIdentity {
  readonly #clock: Clock
  readonly #askAgainMs: number
  #lease = newLease()
  #generation = 0
  /** When the lease was first asked for. */
  #askedAt: Moment | undefined
  #known: HelloRequest['known']
  #epoch: string | undefined
  /** The store's, once it was heard: a store that has lost it gets it back, or the tokens of who is open were void (L2). */
  #secret = newSecret()

  constructor(clock: Clock, { trustMs, callTimeoutMs }: LeaseTiming) {
    this.#clock = clock
    // What a hello opened lives for D after it was sent; the next one may travel for the deadline of a call.
    this.#askAgainMs = trustMs - callTimeoutMs
  }

  /** The lease that the node holds, as far as it knows. */
  get held(): number | undefined {
    return this.#known && this.#lease
  }

  /** The epoch of the newest lease that the node has held. */
  get epoch(): string | undefined {
    return this.#epoch
  }

  next(): LeaseClaim {
    if (!this.#known && this.#askedAt && elapsedMs(this.#clock, this.#askedAt) >= this.#askAgainMs) this.drop()
    this.#askedAt ??= momentOf(this.#clock)
    this.#generation++
    const past = this.#known ? { known: this.#known } : this.#epoch !== undefined && { lastEpoch: this.#epoch }
    return { lease: this.#lease, generation: this.#generation, proposedSecret: this.#secret, ...past }
  }

  /** The hello that said so was answered. */
  confirm({ generation }: LeaseClaim, { epoch, resumeSecret }: Pick<HelloReply, 'epoch' | 'resumeSecret'>): void {
    this.#known = { generation, epoch }
    this.#epoch = epoch
    this.#secret = resumeSecret
  }

  /** The lease is gone; the next hello asks for another. */
  drop(): void {
    this.#lease = newLease()
    this.#generation = 0
    this.#askedAt = undefined
    this.#known = undefined
  }
}
