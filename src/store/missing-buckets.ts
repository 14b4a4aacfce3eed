import { StoreUnavailable } from './lease-store.js'

/** Which buckets an answer lacks, of how many: as it is told, with nothing where none is away. */
export interface BucketsAway {
  readonly bucketsAway?: readonly number[]
  readonly buckets?: number
}

/**
 * What an answer lacks. Whoever would rather have a part than nothing gives one of these along with each of its
 * questions, and finds in it the buckets that did not answer. Those are not asked again: a Redis that is frozen lets
 * whoever asks wait for seconds each time.
 */
export class MissingBuckets {
  readonly #away = new Map<number, StoreUnavailable>()
  #buckets = 0
  #looked = false

  get size(): number {
    return this.#away.size
  }

  has(bucket: number): boolean {
    return this.#away.has(bucket)
  }

  /** Says yes once: to a Redis that is slow and not away, each question is late, and one look at all buckets is enough. */
  firstLook(): boolean {
    const isFirst = !this.#looked
    this.#looked = true
    return isFirst
  }

  /** Throws what is no answer of a store, which is a bug, and `failure` itself where no bucket is left of so many. */
  add(bucket: number, failure: unknown, buckets: number): void {
    if (!(failure instanceof StoreUnavailable)) throw failure
    this.#away.set(bucket, failure)
    this.#buckets = buckets
    if (this.#away.size === buckets) throw failure
  }

  get told(): BucketsAway {
    if (this.#away.size === 0) return {}
    return { bucketsAway: [...this.#away.keys()].sort((one, other) => one - other), buckets: this.#buckets }
  }
}
