import type { Snapshot } from './types.js'

/** Five seconds of the chart. */
export interface Bucket {
  readonly fromMs: number
  readonly connections: number
  /** How many were refused in it; a sum of rates, so not always whole. */
  readonly refused: number
  /** How much of it was watched. */
  readonly watchedMs: number
}

export const BUCKET_MS = 5_000
export const SPAN_MS = 15 * 60_000
const MOST = SPAN_MS / BUCKET_MS
/** A gap of more is not filled with the rate that followed it. */
const MAX_STEP_MS = 5_000
const KEY = 'headcount.history'

/** What this tab has seen of the last 15 minutes, by this machine's clock; it outlives a reload. */
export class History {
  #buckets: Bucket[] = restored()
  #lastMs = 0

  get buckets(): readonly Bucket[] {
    return this.#buckets
  }

  add({ totals }: Snapshot, nowMs: number): void {
    const stepMs = this.#lastMs === 0 ? 0 : Math.min(nowMs - this.#lastMs, MAX_STEP_MS)
    this.#lastMs = nowMs
    const fromMs = nowMs - (nowMs % BUCKET_MS)
    const last = this.#buckets.at(-1)
    const before = last?.fromMs === fromMs ? this.#buckets.pop() : undefined
    this.#buckets.push({
      fromMs,
      connections: totals.connections,
      refused: (before?.refused ?? 0) + (totals.refusedPerSecond * stepMs) / 1_000,
      watchedMs: (before?.watchedMs ?? 0) + stepMs,
    })
    const oldest = nowMs - SPAN_MS
    this.#buckets = this.#buckets.slice(-MOST - 1).filter((bucket) => bucket.fromMs >= oldest - BUCKET_MS)
  }

  /** Refusals of the last minute, and how much of it was watched. */
  lastMinute(nowMs: number): { readonly refused: number; readonly watchedMs: number } {
    const recent = this.#buckets.filter(({ fromMs }) => fromMs > nowMs - 60_000 - BUCKET_MS)
    return {
      refused: recent.reduce((sum, { refused }) => sum + refused, 0),
      watchedMs: recent.reduce((sum, { watchedMs }) => sum + watchedMs, 0),
    }
  }

  save(): void {
    if (this.#buckets.length > 0) sessionStorage.setItem(KEY, JSON.stringify(this.#buckets))
  }

  clear(): void {
    this.#buckets = []
    this.#lastMs = 0
    sessionStorage.removeItem(KEY)
  }
}

function restored(): Bucket[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as Bucket[]
  } catch {
    return []
  }
}
