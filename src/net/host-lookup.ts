import dns, { type LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { systemClock } from '../core/clock.js'

type Told = Parameters<LookupFunction>[2]

/** One that has lasted so long may have lost its question on the way: another is begun beside it, if somebody asks. */
const NEXT_AFTER_MS = 1_000
const MOST_OF_A_NAME = 3

interface LookUps {
  /** Who waits for the first address, or for the last to fail. */
  waiting: Told[]
  running: number
  newestAtMs: number
}

const underWay = new Map<string, LookUps>()

/**
 * Looks a host name up as Node does, but for all who ask meanwhile at once: they are told the same answer, which is then
 * forgotten. No look-up can be taken back, the system does only few at a time, and each may last for many seconds where
 * the name servers are silent. Attempts that are given up sooner, and made again, would leave more and more of them behind.
 */
export const lookUpHost: LookupFunction = (host: string, options: LookupOptions, told: Told) => {
  const key = JSON.stringify([host, options])
  const ofName = underWay.get(key) ?? { waiting: [], running: 0, newestAtMs: Number.NEGATIVE_INFINITY }
  underWay.set(key, ofName)
  ofName.waiting.push(told)
  const nowMs = systemClock.monotonicMs()
  if (ofName.running >= MOST_OF_A_NAME || nowMs - ofName.newestAtMs < NEXT_AFTER_MS) return
  ofName.running++
  ofName.newestAtMs = nowMs
  dns.lookup(host, options, (error, ...addresses) => {
    ofName.running--
    if (ofName.running === 0) underWay.delete(key)
    if (error && ofName.running > 0) return
    for (const tell of ofName.waiting.splice(0)) tell(error, ...addresses)
  })
}
