import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Identification } from '../gate/identify.js'
import { digestOf, type KeyEntry } from './key-file-schema.js'

/** A fixed set of keys. */
export class KeyRing {
  readonly #entries: ReadonlyMap<string, KeyEntry>
  readonly #tiers = new Map<string, string>()

  constructor(entries: readonly KeyEntry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.sha256.toString('hex'), entry]))
    for (const { org, tier } of entries) if (tier !== undefined && !this.#tiers.has(org)) this.#tiers.set(org, tier)
  }

  /** The tier of an org; of several keys that differ, that of the first which names one. */
  tierOf(org: string): string | undefined {
    return this.#tiers.get(org)
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Finds out who presents the key in `api-key` or `Authorization: Bearer`; the former wins. What the time of the
   * look-up can tell is about the digest of the key that was presented, from which no other key can be guessed; the
   * digests themselves are compared in constant time.
   */
  identify(headers: IncomingHttpHeaders): Identification {
    const key = presentedKey(headers)
    if (key === undefined) return { identified: false, code: 'UNAUTHENTICATED' }
    const digest = digestOf(key)
    const entry = this.#entries.get(digest.toString('hex'))
    if (entry === undefined || !timingSafeEqual(entry.sha256, digest))
      return { identified: false, code: 'UNAUTHENTICATED' }
    if (entry.disabled) return { identified: false, code: 'ORG_DISABLED' }
    return {
      identified: true,
      identity: {
        ...{ org: entry.org, gateway: entry.gateway, keyId: keyIdOf(entry) },
        ...(entry.tier !== undefined && { tier: entry.tier }),
      },
    }
  }
}

/** What a key is called where people read of it: the beginning of its digest, never of itself. */
export function keyIdOf({ sha256 }: Pick<KeyEntry, 'sha256'>): string {
  return sha256.toString('hex', 0, 8)
}

function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers['api-key']
  if (typeof apiKey === 'string' && apiKey !== '') return apiKey
  return /^Bearer +([!-~]+) *$/i.exec(headers.authorization ?? '')?.[1]
}
