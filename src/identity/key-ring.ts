import { timingSafeEqual } from 'node:crypto'
import type { Identification, Identity } from '../gate/identify.js'
import { digestOf } from './digest.js'
import { atOnce, type InPieces } from './in-pieces.js'
import type { KeyEntry } from './key-file-schema.js'

interface KnownKey {
  readonly entry: KeyEntry
  /** Made once: all connections of a key share one identity. */
  readonly found: Identification
}

/** By which key an identity came, whatever ring made it: a ring is replaced whole when its file changes. */
const digests = new WeakMap<Identity, string>()

/** So many keys are put on a ring in one piece, in about a millisecond. */
const KEYS_IN_A_PIECE = 256

/** A fixed set of keys. */
export class KeyRing {
  readonly #keys = new Map<string, KnownKey>()
  readonly #tiers = new Map<string, string>()

  private constructor() {}

  static of(entries: readonly KeyEntry[]): KeyRing {
    return atOnce(KeyRing.inPieces(entries))
  }

  /** The same for a server that is at work. */
  static *inPieces(entries: readonly KeyEntry[]): InPieces<KeyRing> {
    const ring = new KeyRing()
    for (const [index, entry] of entries.entries()) {
      if (index % KEYS_IN_A_PIECE === 0) yield
      ring.#add(entry)
    }
    return ring
  }

  #add(entry: KeyEntry): void {
    const digest = entry.sha256.toString('hex')
    const identity = identityOf(entry)
    const found: Identification = entry.disabled
      ? { identified: false, code: 'ORG_DISABLED', identity }
      : { identified: true, identity }
    this.#keys.set(digest, { entry, found })
    digests.set(identity, digest)
    const { org, tier } = entry
    if (tier !== undefined && !this.#tiers.has(org)) this.#tiers.set(org, tier)
  }

  /** The tier of an org; of several keys that differ, that of the first which names one. */
  tierOf(org: string): string | undefined {
    return this.#tiers.get(org)
  }

  get size(): number {
    return this.#keys.size
  }

  /**
   * Finds out whose key this is; `undefined` where it is nobody's. What the time of the look-up can tell is about the
   * digest of the key that was presented, from which no other key can be guessed; the digests themselves are compared
   * in constant time.
   */
  identify(key: string): Identification | undefined {
    const digest = digestOf(key)
    const known = this.#keys.get(digest.toString('hex'))
    if (known === undefined || !timingSafeEqual(known.entry.sha256, digest)) return undefined
    return known.found
  }

  /** Whether the key by which an identity came, from this ring or one before it, still stands for the same gateway. */
  mayStay(identity: Identity): boolean {
    const entry = this.#keys.get(digests.get(identity) ?? '')?.entry
    return entry !== undefined && !entry.disabled && entry.org === identity.org && entry.gateway === identity.gateway
  }
}

function identityOf(entry: KeyEntry): Identity {
  const { org, gateway, tier, priority } = entry
  return { org, gateway, keyId: keyIdOf(entry), ...(tier !== undefined && { tier }), ...(priority && { priority }) }
}

/** What a key is called where people read of it: its id or the beginning of its digest, never a part of itself. */
export function keyIdOf({ id, sha256 }: Pick<KeyEntry, 'id' | 'sha256'>): string {
  return id ?? sha256.toString('hex', 0, 8)
}
