import { onTestFinished } from 'vitest'
import { createLimiter, type Limiter } from '../../src/index.js'
import { AdmissionLoad } from './admission-load.js'
import { Books } from './books.js'
import { freshPrefix } from './redis.js'
import type { SentinelSet, SetServer } from './sentinel-set.js'
import { until } from './until.js'

/** T and R of these trials: short enough to wait for, long enough for a machine with six servers more on it. */
export const TIMES = { leaseTtlMs: 5_000, renewIntervalMs: 500, storeTimeoutMs: 400 } as const
export const LIMIT = 5
/** A busy machine may be late. */
const LATE_MS = 5_000
const ORGS = Array.from({ length: 20 }, (_, i) => `org-${i}`)

/** Limiters on Redis servers that fail over, clients that come and go at them, and what Redis itself holds of them. */
export interface Trial {
  readonly limiters: readonly Limiter[]
  readonly load: AdmissionLoad
  readonly prefix: string
  /** What a server holds, read past the limiters. */
  booksOf(url: string): Books
}

/** Attempts a second, of all clients together. */
const PER_SECOND = 500
/** So long a connection stays at most that each org is full most of the time. */
const STAY_MS = 4_000

/** A limiter for each address. Cleans up by itself when the test is over. */
export async function startTrial(urls: readonly string[]): Promise<Trial> {
  const prefix = freshPrefix()
  const limiters = urls.map((redis) =>
    createLimiter({ ...TIMES, redis, keyPrefix: prefix, limits: { org: LIMIT }, policies: { onLeaseLost: 'rejoin' } }),
  )
  const opened: Books[] = []
  let load: AdmissionLoad | undefined
  onTestFinished(async () => {
    await load?.stop()
    await Promise.all(limiters.map((limiter) => limiter.drain({ withinMs: 1_000 })))
    for (const books of opened) books.close()
  })
  await Promise.all(limiters.map((limiter) => limiter.ready()))
  load = new AdmissionLoad({ limiters, orgs: ORGS, perSecond: PER_SECOND, stayMs: STAY_MS })
  return {
    ...{ limiters, load, prefix },
    booksOf(url) {
      const books = new Books(url, prefix)
      opened.push(books)
      return books
    },
  }
}

/** Waits until the load is under way: every org has been full, and has had time to churn. */
export async function untilFull(trial: Trial): Promise<void> {
  const full = () => ORGS.every((org) => trial.load.highest.get(org) === LIMIT)
  await until(full, { withinMs: 20_000, what: 'every org has been full' })
  await untilAdmitted(trial, 100)
}

/** Waits until so many more were admitted, whether the store is there now or has to come back first. */
export async function untilAdmitted({ load }: Trial, more: number): Promise<void> {
  const wanted = load.admitted + more
  await until(() => load.admitted >= wanted, { withinMs: 40_000, what: `${more} more are admitted` })
}

/** The highest number that an org had open at once since the books were last cleared. */
export function highestOf({ load }: Trial): number {
  return Math.max(...load.highest.values())
}

/** Waits until another server than `former` is primary. */
export function untilPromoted(set: SentinelSet, former: SetServer): Promise<SetServer> {
  return until(
    async () => {
      const primary = await set.primary()
      return primary !== former && primary
    },
    { withinMs: 30_000, what: 'a replica is promoted' },
  )
}

/** Connections that clients hold and a server does not know, and those that it holds and no client does. */
export async function driftOf({ load }: Trial, books: Pick<Books, 'slots'>): Promise<{ lost: number; left: number }> {
  const slots = await books.slots()
  const known = new Set([...slots.values()].flatMap((ids) => [...ids.keys()]))
  const lost = [...load.open.keys()].filter((id) => !known.has(id)).length
  const left = [...known].filter((id) => !load.open.has(id)).length
  return { lost, left }
}

/**
 * Waits until the sets in Redis are, id by id, what the clients hold, for T + R at most. The load must be frozen. Returns
 * how long that took.
 */
export async function untilExact({ load }: Trial, books: Pick<Books, 'slots'>): Promise<number> {
  const startMs = performance.now()
  const withinMs = TIMES.leaseTtlMs + TIMES.renewIntervalMs + LATE_MS
  const held = JSON.stringify([...load.ids()].sort())
  await until(
    async () => {
      const sets = [...(await books.slots())].map(([org, ids]) => [org, [...ids.keys()].sort()])
      return JSON.stringify(sets.sort()) === held
    },
    { withinMs, what: 'the sets in Redis are what the clients hold' },
  )
  return performance.now() - startMs
}
