import type { Clock } from '../../core/clock.js'
import { FairShare } from '../../core/structures/fair-share.js'
import { type ScopeRef, scopeKey } from '../../store/claims.js'
import { INSTANCE } from '../held/instances.js'

const PAUSE_MS = 1_000
/**
 * So many instances are remembered at a time, and apart from them so many other scopes: clients choose the names of
 * instances, and must not push out the rest. Of what is asked for one org never more than are left for others (S5).
 */
const MAX_SCOPES = 1_000

interface Made<T> {
  readonly scope: ScopeRef
  readonly org: string | undefined
  readonly atMs: number
  readonly what: T
}

/**
 * What was made for a scope within the last second, so that nothing is made for it twice. Forgets as others are asked for:
 * it has no timer.
 */
export class Recent<T> {
  readonly #clock: Clock
  readonly #isOver: (made: T) => boolean
  /** The oldest first. */
  readonly #made = new Map<string, Made<T>>()
  readonly #instances = new FairShare(MAX_SCOPES)
  readonly #others = new FairShare(MAX_SCOPES)

  /** What is not over is not forgotten, however old. */
  constructor(clock: Clock, isOver: (made: T) => boolean = () => true) {
    this.#clock = clock
    this.#isOver = isOver
  }

  /**
   * What `make` makes, unless something is known already; `undefined` where too much is. A scope does not tell whose it
   * is: an address is nobody's, and one org may come from thousands. So it counts for the `org` that asked first; where
   * none is given it counts for nobody, and the caller brings the bound.
   */
  get(scope: ScopeRef, org: string | undefined, make: () => T): T | undefined {
    const key = scopeKey(scope)
    const nowMs = this.#clock.monotonicMs()
    this.#forget(nowMs)
    const known = this.#made.get(key)
    if (known || (org !== undefined && !this.#shareOf(scope).enter(org))) return known?.what
    const what = make()
    this.#made.set(key, { scope, org, atMs: nowMs, what })
    return what
  }

  #forget(nowMs: number): void {
    for (const [key, { scope, org, atMs, what }] of this.#made) {
      if (nowMs - atMs < PAUSE_MS) break
      if (!this.#isOver(what)) continue
      this.#made.delete(key)
      if (org !== undefined) this.#shareOf(scope).leave(org)
    }
  }

  #shareOf({ name }: ScopeRef): FairShare {
    return name === INSTANCE ? this.#instances : this.#others
  }
}
