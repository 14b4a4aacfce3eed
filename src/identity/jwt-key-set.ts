import { type CryptoKey, createLocalJWKSet, errors, type JWK, type JWSHeaderParameters } from 'jose'
import type { Clock } from '../core/clock.js'
import { FairShare } from '../core/structures/fair-share.js'
import type { Log } from '../observe/log.js'
import type { HttpAnswer, HttpCaller } from '../outbound/http-caller.js'

export interface JwtKeySetOptions {
  readonly caller: HttpCaller
  readonly clock: Clock
  readonly log: Log
  /** The set is not fetched more often than this, whatever tokens come. */
  readonly cooldownMs: number
}

/** As the header of a token names its key. */
type KeyName = Required<Pick<JWSHeaderParameters, 'alg' | 'kid'>>

export type FoundKey =
  /** `fetched`: when the set that has it was asked for, beside the question. */
  | { readonly found: 'key'; readonly key: CryptoKey; readonly fetched: 'long before' | 'just before' | 'after' }
  /** A set that was fetched after the question does not have it. */
  | { readonly found: 'none' }
  /**
   * It may be a new key: the set could not be fetched, or was fetched so lately that it must not be again; or too many wait
   * for it, and then nothing is known of when it may be fetched again.
   */
  | { readonly found: 'perhaps'; readonly againInMs?: number }

/** How old the set may become before it is fetched again unasked. */
const MAX_AGE_MS = 300_000
/** RFC 7518, section 3.3. */
const LEAST_RSA_BITS = 2_048
/**
 * With those that may wait for the platform at most (see CallbackPlaces) fewer than the upgrades that may wait for a
 * decision: whoever makes up names of keys while the set is away must not keep out who has a key that is known.
 */
const MOST_WAITING = 256
/** Keys that cannot be used are logged once each, up to so many. */
const MOST_UNUSABLE = 100

/**
 * The public keys that sign tokens, kept from an address that may be away. A key that is known works whatever becomes
 * of that address, and until a newer set lacks it. For an unknown one the set is fetched, by all that wait for it
 * together and at most once per cooldown, so that invented names of keys cost the address next to nothing. They wait in a
 * room of which no client's address has more than it leaves to others.
 */
export class JwtKeySet {
  readonly #options: JwtKeySetOptions
  #lookUp: ReturnType<typeof createLocalJWKSet> | undefined
  #fetching: Promise<boolean> | undefined
  #askedAtMs = Number.NEGATIVE_INFINITY
  #away = false
  readonly #unusable = new Set<string>()
  readonly #room = new FairShare(MOST_WAITING)
  #stopped = false
  #cancel: () => void = () => {}

  constructor(options: JwtKeySetOptions) {
    this.#options = options
  }

  /** Fetches the set for the first time; resolves also where that failed, and goes on trying. */
  async open(): Promise<void> {
    await this.#fetch()
  }

  /** `from`: the address of whoever shows the token, as it is counted. */
  async find(header: KeyName, from: string): Promise<FoundKey> {
    const known = await this.#known(header)
    return known === undefined ? this.findAnew(header, from) : { found: 'key', key: known, fetched: 'long before' }
  }

  /** The same from a set that is newer, for a token that the known key has not signed: its name may be another's by now. */
  async findAnew(header: KeyName, from: string): Promise<FoundKey> {
    const joined = this.#fetching
    if (joined === undefined && this.coolMs > 0) return { found: 'perhaps', againInMs: this.coolMs }
    if (!this.#room.enter(from)) return { found: 'perhaps' }
    const isFetched = await (joined ?? this.#fetch())
    this.#room.leave(from)
    // A fetch that was under way may have been answered before this key was published.
    const isFresh = isFetched && joined === undefined
    const key = await this.#known(header)
    if (key !== undefined) return { found: 'key', key, fetched: isFresh ? 'after' : 'just before' }
    return isFresh ? { found: 'none' } : { found: 'perhaps', againInMs: this.coolMs }
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
    this.#options.caller.close()
  }

  async #known(header: KeyName): Promise<CryptoKey | undefined> {
    try {
      const key = await this.#lookUp?.(header)
      const { modulusLength = LEAST_RSA_BITS } = (key?.algorithm ?? {}) as { modulusLength?: number }
      if (modulusLength < LEAST_RSA_BITS) throw new Error(`${modulusLength} bits are fewer than ${LEAST_RSA_BITS}`)
      return key
    } catch (error) {
      // One that the set has and that is broken, private, or there twice is a fault of the issuer's.
      if (!(error instanceof errors.JWKSNoMatchingKey)) this.#tellUnusable(header.kid, error)
      return undefined
    }
  }

  /** Not worth a line for each attempt. */
  #tellUnusable(kid: string, error: unknown): void {
    if (this.#unusable.has(kid) || this.#unusable.size >= MOST_UNUSABLE) return
    this.#unusable.add(kid)
    this.#options.log.warn({ kid, cause: (error as Error).message }, 'a key of the set for tokens cannot be used')
  }

  /** How long the set may not be fetched again. */
  get coolMs(): number {
    return Math.max(0, this.#askedAtMs + this.#options.cooldownMs - this.#options.clock.monotonicMs())
  }

  #fetch(): Promise<boolean> {
    this.#cancel()
    this.#askedAtMs = this.#options.clock.monotonicMs()
    this.#fetching = this.#ask().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #ask(): Promise<boolean> {
    const { caller, clock, log, cooldownMs } = this.#options
    const answer = await caller.call({
      method: 'GET',
      headers: { accept: 'application/jwk-set+json, application/json' },
    })
    if (this.#stopped) return false
    const problem = this.#take(answer)
    if (problem === undefined && this.#away) log.info({}, 'the key set for tokens is here again')
    if (problem !== undefined && !this.#away) {
      log.warn({ cause: problem }, 'the key set for tokens cannot be fetched; the last that could be stays in force')
    }
    this.#away = problem !== undefined
    this.#cancel = clock.after(this.#away ? cooldownMs : MAX_AGE_MS, () => void this.#fetch())
    return !this.#away
  }

  /**
   * Puts a new set in force, or says what is wrong with it. An empty one is in force, for it may be meant; but an issuer has
   * keys, and so nobody is told by it that his is unknown.
   */
  #take(answer: HttpAnswer): string | undefined {
    if (!answer.answered) return answer.cause
    if (answer.status !== 200) return `status ${answer.status}`
    try {
      const { keys } = JSON.parse(answer.body) as { readonly keys: readonly JWK[] }
      // What is no key voids none of the others (RFC 7517, section 5); if there are no others, this is no set.
      const isKey = (key: unknown) => typeof key === 'object' && key !== null && !Array.isArray(key)
      this.#lookUp = createLocalJWKSet({ keys: keys.some(isKey) ? keys.filter(isKey) : [...keys] })
      return keys.length === 0 ? 'it has no key, and no token is good' : undefined
    } catch {
      return 'the answer is no JSON Web Key Set'
    }
  }
}
