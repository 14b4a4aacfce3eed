import type { Clock } from '../../core/clock.js'
import { FairShare } from '../../core/fair-share.js'
import type { ScopeRef } from '../../store/lease-store.js'
import { INSTANCE } from '../held/instances.js'
import { whose } from './whose.js'

const PAUSE_MS = 1_000
/**
 * So many instances are remembered at a time, and apart from them so many other scopes: clients choose the names of
 * instances, and must not push out the rest. Of one org never more than are left for others (S5).
 */
const MAX_SCOPES = 1_000

/**
 * What was made for a scope within the last second, so that nothing is made for it twice. Forgets as others are asked for:
 * it has no timer.
 */
export class Recent<T> {
  readonly #clock: Clock
  readonly #isOver: (made: T) => boolean
  /** The oldest first. */
  readonly #made = new Map<string, { readonly scope: ScopeRef; readonly atMs: number; readonly what: T }>()
  readonly #instances = new FairShare(MAX_SCOPES)
  readonly #others = new FairShare(MAX_SCOPES)

  /** What is not over is not forgotten, however old. */
  constructor(clock: Clock, isOver: (made: T) => boolean = () => true) {
    this.#clock = clock
    this.#isOver = isOver
  }

  /** What `make` makes, unless something is known already; `undefined` where too much is. */
  get(scope: ScopeRef, make: () => T): T | undefined {
    const key = `${scope.name}:${scope.id}`
    const nowMs = this.#clock.monotonicMs()
    this.#forget(nowMs)
    const known = this.#made.get(key)
    if (known || !this.#shareOf(scope).enter(whose(scope))) return known?.what
    const what = make()
    this.#made.set(key, { scope, atMs: nowMs, what })
    return what
  }

  #forget(nowMs: number): void {
    for (const [key, { scope, atMs, what }] of this.#made) {
      if (nowMs - atMs < PAUSE_MS) break
      if (!this.#isOver(what)) continue
      this.#made.delete(key)
      this.#shareOf(scope).leave(whose(scope))
    }
  }

  #shareOf({ name }: ScopeRef): FairShare {
    return name === INSTANCE ? this.#instances : this.#others
  }
}
