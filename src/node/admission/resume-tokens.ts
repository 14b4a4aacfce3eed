import { createHmac, createSecretKey, type Hmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../core/clock.js'

/** Whose connection a token speaks of. It is for nobody else. */
export interface TokenOwner {
  readonly org: string
  readonly gateway?: string | undefined
}

const VALID_MS = 30 * 24 * 3_600_000
/** Ours are some 80 characters long. What is longer is not looked at. */
const MAX_LENGTH = 256
const TOKEN = /^([0-9a-z]+-[0-9a-z]+)\.([0-9a-z]{1,10})\.([\w-]{43})$/

/**
 * Tokens by which a client shows that an earlier connection is its own: `<connection id>.<expiry>.<HMAC-SHA256>`,
 * signed with a secret that all nodes of the cluster share. Org and gateway are part of what is signed, so a token is
 * worth nothing beside another key, nor without one. One that is forged, expired, of somebody else or of another secret
 * is no token at all, and nothing tells which.
 */
export class ResumeTokens {
  readonly #clock: Clock
  readonly #isConfigured: boolean
  #key: KeyObject | undefined

  /** With a `secret` of the operator's, that of the store does not count. An empty one is none. */
  constructor(clock: Clock, secret?: string) {
    this.#clock = clock
    this.#isConfigured = Boolean(secret)
    this.#key = secret ? keyOf(secret) : undefined
  }

  /** What the store has for all nodes. */
  learn(secret: string): void {
    if (!this.#isConfigured) this.#key = keyOf(secret)
  }

  /** `undefined` before the store was heard for the first time. */
  issue(owner: TokenOwner, connectionId: string): string | undefined {
    if (this.#key === undefined) return undefined
    const expiry = Math.ceil((this.#clock.wallMs() + VALID_MS) / 1_000).toString(36)
    return `${connectionId}.${expiry}.${mac(this.#key, owner, connectionId, expiry).digest('base64url')}`
  }

  /** The connection that the token vouches for; `undefined` where it vouches for none. */
  connectionIn(token: string, owner: TokenOwner): string | undefined {
    const [, connectionId, expiry, signature] = (token.length <= MAX_LENGTH && TOKEN.exec(token)) || []
    if (this.#key === undefined || connectionId === undefined || expiry === undefined) return undefined
    const due = mac(this.#key, owner, connectionId, expiry).digest()
    const given = Buffer.from(signature!, 'base64url')
    if (given.length !== due.length || !timingSafeEqual(given, due)) return undefined
    return Number.parseInt(expiry, 36) * 1_000 > this.#clock.wallMs() ? connectionId : undefined
  }
}

/** Made once: a text would be made a key for every token. */
function keyOf(secret: string): KeyObject {
  return createSecretKey(secret, 'utf8')
}

/** As JSON, because otherwise the end of one name and the beginning of the next could be moved. */
function mac(key: KeyObject, { org, gateway }: TokenOwner, connectionId: string, expiry: string): Hmac {
  return createHmac('sha256', key).update(JSON.stringify([org, gateway ?? null, connectionId, expiry]))
}
