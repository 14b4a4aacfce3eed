import dns, { type LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'

type Told = Parameters<LookupFunction>[2]

/** Who waits for each look-up that is under way. */
const underWay = new Map<string, Told[]>()

/**
 * Looks a host name up as Node does, but each name once at a time: whoever asks meanwhile is told the same answer, which
 * is then forgotten. No look-up can be taken back, the system does only few at a time, and each may last for many
 * seconds where the name servers are silent. Attempts that are given up sooner, and made again, would leave more and
 * more of them behind.
 */
export const lookUpHost: LookupFunction = (host: string, options: LookupOptions, told: Told) => {
  const key = JSON.stringify([host, options])
  const joined = underWay.get(key)
  if (joined) {
    joined.push(told)
    return
  }
  const waiting = [told]
  underWay.set(key, waiting)
  dns.lookup(host, options, (...answer) => {
    underWay.delete(key)
    for (const tell of waiting) tell(...answer)
  })
}
