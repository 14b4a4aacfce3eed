import type { Clock } from '../../core/clock.js'
import { newLease, newSecret } from '../../core/ids.js'
import type { LeaseTiming } from '../../core/lease-timing.js'
import type { HelloReply, HelloRequest } from '../../store/lease-store.js'
import { elapsedMs, type Moment, momentOf } from './moment.js'

/** What a hello says of the lease: its name, the generation it opens, and what the node knows from before. */
export type LeaseClaim = Pick<HelloRequest, 'lease' | 'generation' | 'known' | 'lastEpoch' | 'proposedSecret'>

/** A lease that hellos speak of, with the generation that the last one named. */
interface Spoken {
  readonly lease: number
  generation: number
}

/**
 * Under which name and generation the node speaks to the store. No two hellos say the same.
 *
 *     opening: a lease that was asked for and not got, or not heard of; each hello asks with a higher generation
 *       → held, when one is answered
 *       → opening another, when it is refused, or was asked for so long ago that it may be dead and forgotten
 *     held: each connection says hello with the next generation
 *       → opening another, when the lease is gone
 *       → held and opening, when a store knows nothing of it: another is asked for there, and the one that is held is
 *         gone when that is answered. Till then each connection speaks of it first: an address may lead to another
 *         store for a moment, and the lease lives in the first.
 *
 * A lease whose first hello went unanswered may live in the store all the same. It is asked for again by its name, so
 * that no node ever has two: recovery would wait for the one that nobody speaks for (R1).
 */
export class LeaseIdentity {
  readonly #clock: Clock
  readonly #askAgainMs: number
  #held: (Spoken & { readonly known: NonNullable<HelloRequest['known']> }) | undefined
  #opening: (Spoken & { readonly since: Moment }) | undefined
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
    return this.#held?.lease
  }

  /** The epoch of the newest lease that the node has held. */
  get epoch(): string | undefined {
    return this.#epoch
  }

  /** Of the lease that is held; `anew` where the store knows nothing of that. */
  next({ anew = false } = {}): LeaseClaim {
    const held = anew ? undefined : this.#held
    const spoken: Spoken = held ?? this.#toOpen()
    spoken.generation++
    const { lease, generation } = spoken
    const past = held ? { known: held.known } : this.#epoch !== undefined && { lastEpoch: this.#epoch }
    return { lease, generation, proposedSecret: this.#secret, ...past }
  }

  /** The hello that said so was answered. */
  confirm(
    { lease, generation }: LeaseClaim,
    { epoch, resumeSecret }: Pick<HelloReply, 'epoch' | 'resumeSecret'>,
  ): void {
    this.drop(lease)
    this.#held = { lease, generation, known: { generation, epoch } }
    this.#epoch = epoch
    this.#secret = resumeSecret
  }

  /** The lease is gone; no hello speaks of it again. Whether it was the one that the node held. */
  drop(lease: number): boolean {
    const wasHeld = this.#held?.lease === lease
    if (wasHeld) this.#held = undefined
    if (this.#opening?.lease === lease) this.#opening = undefined
    return wasHeld
  }

  #toOpen(): Spoken {
    if (this.#opening && elapsedMs(this.#clock, this.#opening.since) >= this.#askAgainMs) this.#opening = undefined
    this.#opening ??= { lease: newLease(), generation: 0, since: momentOf(this.#clock) }
    return this.#opening
  }
}
