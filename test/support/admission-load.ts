import type { Admitted } from '../../src/core/admission.js'
import type { Limiter } from '../../src/index.js'

export interface LoadOptions {
  readonly limiters: readonly Limiter[]
  readonly orgs: readonly string[]
  /** Attempts a second, of all orgs over all limiters. */
  readonly perSecond: number
  /** How long a connection stays at most, in milliseconds. */
  readonly stayMs: number
}

/** Refusals by a store that answers; all others mean that it did not, or would not yet. */
const DECIDED = 'ORG_CONNECTION_LIMIT_EXCEEDED'
const TICK_MS = 10

/**
 * Clients that come and go, with books of their own: a connection counts from the answer that let it in until its client
 * begins to leave. That is never more than what is really open, so a count above the limit is a broken promise.
 */
export class AdmissionLoad {
  readonly open = new Map<string, { readonly org: string; readonly admitted: Admitted; readonly limiter: Limiter }>()
  /** When each limiter last let somebody in, in ms of `performance.now`. */
  readonly lastAdmittedMs = new Map<Limiter, number>()
  /** How often clients were answered so. */
  readonly answers = new Map<string, number>()
  /** Org → how many were open at once at most. */
  readonly highest = new Map<string, number>()
  /** Connections that a node wanted closed although their client did not. */
  kicked = 0
  slowestMs = 0
  /** When the store last decided something, and the longest time in which it decided nothing. */
  longestGapMs = 0
  #decidedAtMs = performance.now()
  readonly #options: LoadOptions
  readonly #asking = new Set<Promise<void>>()
  readonly #leaving = new Set<NodeJS.Timeout>()
  readonly #ticker: NodeJS.Timeout
  #owed = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#ticker = setInterval(() => {
      for (this.#owed += (options.perSecond * TICK_MS) / 1_000; this.#owed >= 1; this.#owed--) this.#arrive()
    }, TICK_MS)
  }

  get admitted(): number {
    return this.answers.get('admitted') ?? 0
  }

  count(org: string): number {
    return [...this.open.values()].filter((one) => one.org === org).length
  }

  /** How many a limiter holds, of all orgs. */
  heldAt(limiter: Limiter): number {
    return [...this.open.values()].filter((one) => one.limiter === limiter).length
  }

  /** Org → the ids of its open connections, orgs without any left out. */
  ids(): Map<string, string[]> {
    const out = new Map<string, string[]>()
    for (const [id, { org }] of this.open) out.set(org, [...(out.get(org) ?? []), id].sort())
    return out
  }

  /** Nobody comes and nobody leaves any more; resolves when everybody has had an answer. */
  async freeze(): Promise<void> {
    clearInterval(this.#ticker)
    for (const timer of this.#leaving) clearTimeout(timer)
    await Promise.all(this.#asking)
    for (const timer of this.#leaving) clearTimeout(timer)
  }

  /** All leave. */
  async stop(): Promise<void> {
    await this.freeze()
    for (const id of [...this.open.keys()]) this.#leave(id)
  }

  #arrive(): void {
    const asking = this.#ask().finally(() => this.#asking.delete(asking))
    this.#asking.add(asking)
  }

  async #ask(): Promise<void> {
    const { limiters, orgs, stayMs } = this.#options
    const [limiter, org] = [pick(limiters), pick(orgs)]
    const startMs = performance.now()
    const admission = await limiter.admit({ org })
    const endMs = performance.now()
    this.slowestMs = Math.max(this.slowestMs, endMs - startMs)
    const answer = admission.admitted ? 'admitted' : admission.code
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
    if (admission.admitted || admission.code === DECIDED) {
      this.longestGapMs = Math.max(this.longestGapMs, endMs - this.#decidedAtMs)
      this.#decidedAtMs = endMs
    }
    if (!admission.admitted) return
    this.lastAdmittedMs.set(limiter, endMs)
    this.open.set(admission.connectionId, { org, admitted: admission, limiter })
    this.highest.set(org, Math.max(this.count(org), this.highest.get(org) ?? 0))
    admission.lost.addEventListener('abort', () => {
      if (!this.open.has(admission.connectionId)) return
      this.kicked++
      this.#leave(admission.connectionId)
    })
    const timer = setTimeout(() => {
      this.#leaving.delete(timer)
      this.#leave(admission.connectionId)
    }, Math.random() * stayMs)
    this.#leaving.add(timer)
  }

  /** Out of the books first, then out of the node: the books must never have more than is open. */
  #leave(id: string): void {
    const one = this.open.get(id)
    this.open.delete(id)
    one?.admitted.release()
  }
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!
}
