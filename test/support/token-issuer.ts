import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { type Platform, startPlatform } from './platform.js'

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'headcount'

export interface TokenTerms {
  readonly kid?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly issuer?: string
  readonly audience?: string
  /** Seconds from now; without an end where `null`. */
  readonly expiresInS?: number | null
  readonly notBeforeInS?: number
}

/** Who signs tokens and publishes the keys for it. */
export interface TokenIssuer extends Platform {
  /** Signs with one of its keys, the newest where none is named: of the org `acme` and the gateway `gw` as they come. */
  token(terms?: TokenTerms): Promise<string>
  /** Makes a further key; it is published at once where `published` is not false. Returns its name. */
  newKey(options?: { published?: boolean }): Promise<string>
  /** Makes another key of the same name, which signs and is published in its place. */
  replaceKey(kid: string): Promise<void>
  publish(kid: string): void
  withdraw(kid: string): void
}

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const keys = new Map<string, { secret: CryptoKey; jwk: JWK }>()
  const published = new Set<string>()
  const platform = await startPlatform(() => ({
    status: 200,
    body: { keys: [...published].map((kid) => keys.get(kid)!.jwk) },
  }))
  const issuer: TokenIssuer = Object.assign(platform, {
    async token(terms: TokenTerms = {}) {
      const kid = terms.kid ?? [...keys.keys()].at(-1)!
      const nowS = Math.floor(Date.now() / 1_000)
      const claims = { org: 'acme', sub: 'gw', ...terms.claims }
      const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid })
      jwt.setIssuer(terms.issuer ?? ISSUER).setAudience(terms.audience ?? AUDIENCE)
      if (terms.expiresInS !== null) jwt.setExpirationTime(nowS + (terms.expiresInS ?? 3_600))
      if (terms.notBeforeInS !== undefined) jwt.setNotBefore(nowS + terms.notBeforeInS)
      return jwt.sign(keys.get(kid)!.secret)
    },
    async newKey({ published: isPublished = true } = {}) {
      const kid = `key-${keys.size + 1}`
      await issuer.replaceKey(kid)
      if (isPublished) published.add(kid)
      return kid
    },
    async replaceKey(kid: string) {
      const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
      keys.set(kid, { secret: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } })
    },
    publish: (kid: string) => void published.add(kid),
    withdraw: (kid: string) => void published.delete(kid),
  })
  await issuer.newKey()
  return issuer
}
