import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, type ProtectedHeaderParameters } from 'jose'
import type { Clock } from '../core/clock.js'
import { idProblem } from '../core/org-id.js'
import { retryAfterMs } from '../core/retry-after.js'
import type { Gate } from '../gate/gate.js'
import type { Identification, Identity } from '../gate/identify.js'
import { countedAs } from '../net/counted-address.js'
import type { Attempt, IdentitySource } from './identity-source.js'
import type { FoundKey, JwtKeySet } from './jwt-key-set.js'

export interface JwtSourceOptions {
  readonly keys: JwtKeySet
  readonly clock: Clock
  readonly issuer: string
  readonly audience: string
  /** The names of the claims that say who it is. */
  readonly claims: Readonly<Record<'org' | 'gateway' | 'tier' | 'priority', string>>
  /** By how much the issuer's clock may differ from ours. */
  readonly clockSkewMs: number
  /** What becomes of a connection whose token has expired. */
  readonly atExpiry: 'keep' | 'close'
  /** In [0, 1); spreads those who are to come again once the keys may be fetched. */
  readonly random: () => number
}

/** Only what a public key can check: with a shared secret everybody who can check could also sign. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** How often open connections are looked over for expired tokens. */
const LOOK_MS = 2_000

/** Tokens of an issuer, as JWT: RFC 7519, checked as RFC 8725 asks. Whatever is no such token is left to others. */
export class JwtSource implements IdentitySource {
  readonly #options: JwtSourceOptions
  readonly #expiresAtMs = new WeakMap<Identity, number>()
  #stopped = false
  #cancelLook: () => void = () => {}

  constructor(options: JwtSourceOptions) {
    this.#options = options
  }

  async identify(token: string, { address }: Attempt): Promise<Identification | undefined> {
    const header = headerOf(token)
    if (header === undefined) return undefined
    const { alg, kid } = header
    if (typeof alg !== 'string' || !ALGORITHMS.includes(alg))
      return refused('the token is not signed in an accepted way')
    if (typeof kid !== 'string') return refused('the token does not name its key (kid)')
    const { keys } = this.#options
    const [name, from] = [{ alg, kid }, countedAs(address ?? '')]
    const found = await keys.find(name, from)
    const read = await this.#read(token, found)
    if (read !== undefined) return read
    // Who has waited for a set already waits for no other: an upgrade has its deadline.
    const isLate = found.found === 'key' && found.fetched !== 'long before'
    const again = isLate ? undefined : await this.#read(token, await keys.findAnew(name, from))
    return again ?? this.#notKnownYet(keys.coolMs)
  }

  mayStay(identity: Identity): boolean {
    const { atExpiry, clock } = this.#options
    return atExpiry === 'keep' || clock.wallMs() < this.#expiresAtMs.get(identity)!
  }

  watch(gate: Pick<Gate, 'closeRevoked'>): void {
    if (this.#options.atExpiry === 'keep' || this.#stopped) return
    const look = async () => {
      await gate.closeRevoked()
      this.watch(gate)
    }
    this.#cancelLook = this.#options.clock.after(LOOK_MS, () => void look())
  }

  stop(): void {
    this.#stopped = true
    this.#cancelLook()
    this.#options.keys.stop()
  }

  /** `undefined` where the key has not signed the token, and another of its name may have. */
  async #read(token: string, found: FoundKey): Promise<Identification | undefined> {
    if (found.found === 'none') return refused('the token is signed with an unknown key')
    if (found.found === 'perhaps') return this.#notKnownYet(found.againInMs)
    const { issuer, audience, clockSkewMs, clock } = this.#options
    try {
      const { payload } = await jwtVerify(token, found.key, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: clockSkewMs / 1_000,
        currentDate: new Date(clock.wallMs()),
      })
      return this.#identified(payload)
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error
      if (error instanceof errors.JWSSignatureVerificationFailed && found.fetched !== 'after') return undefined
      return refused(error instanceof errors.JWTExpired ? 'the token has expired' : 'the token is not valid')
    }
  }

  #notKnownYet(againInMs: number | undefined): Identification {
    const detail = 'the key of the token is not known yet'
    const waitMs = retryAfterMs(againInMs, this.#options.random)
    return { identified: false, code: 'IDENTITY_UNAVAILABLE', detail, retryAfterMs: waitMs }
  }

  #identified(payload: JWTPayload): Identification {
    const { claims, clockSkewMs } = this.#options
    const [org, gateway, tier] = [payload[claims.org], payload[claims.gateway], payload[claims.tier]]
    if (!isName(org)) return refused(`the token has no usable claim "${claims.org}" for the org`)
    if (!isName(gateway)) return refused(`the token has no usable claim "${claims.gateway}" for the gateway`)
    const more = {
      ...(typeof tier === 'string' && { tier }),
      ...(payload[claims.priority] === true && { priority: true }),
    }
    const identity: Identity = { org, gateway, ...more }
    this.#expiresAtMs.set(identity, payload.exp! * 1_000 + clockSkewMs)
    return { identified: true, identity }
  }
}

/** What a token says of itself, unchecked; `undefined` for what is no token. */
function headerOf(text: string): ProtectedHeaderParameters | undefined {
  if (!TOKEN.test(text)) return undefined
  try {
    return decodeProtectedHeader(text)
  } catch {
    return undefined
  }
}

function refused(detail: string): Identification {
  return { identified: false, code: 'UNAUTHENTICATED', detail }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && idProblem(value) === undefined
}
