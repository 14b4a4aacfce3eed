import { generateKeyPairSync } from 'node:crypto'
import type { CryptoKey, JWK } from 'jose'
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Identity } from '../../src/gate/identify.js'
import { JwtKeySet } from '../../src/identity/jwt-key-set.js'
import { JwtSource, type JwtSourceOptions } from '../../src/identity/jwt-source.js'
import type { Log } from '../../src/observe/log.js'
import { HttpCaller } from '../../src/outbound/http-caller.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { silentLog } from '../support/silent-log.js'
import { AUDIENCE, ISSUER, startTokenIssuer, type TokenIssuer, type TokenTerms } from '../support/token-issuer.js'
import { until } from '../support/until.js'

const COOLDOWN_MS = 10_000

let clock: ManualClock
let issuer: TokenIssuer

leakGate()
beforeEach(async () => {
  clock = new ManualClock(1_000, Date.now())
  issuer = await startTokenIssuer()
})

async function open(options: Partial<JwtSourceOptions> = {}, log: Log = silentLog, cooldownMs = COOLDOWN_MS) {
  const caller = new HttpCaller({ url: issuer.url, clock, timeoutMs: 1_500, maxSockets: 1 })
  const keys = new JwtKeySet({ caller, clock, log, cooldownMs })
  await keys.open()
  const source = new JwtSource({
    ...{ keys, clock, issuer: ISSUER, audience: AUDIENCE, clockSkewMs: 30_000, atExpiry: 'keep', random: () => 0 },
    claims: { org: 'org', gateway: 'sub', tier: 'tier', priority: 'priority' },
    ...options,
  })
  onTestFinished(() => source.stop())
  return {
    identify: (token: string, address = '192.0.2.1') => source.identify(token, { path: '/connect', address }),
    mayStay: (identity: Identity) => source.mayStay(identity),
    watch: (gate: { closeRevoked(): Promise<void> }) => source.watch(gate),
    stop: () => source.stop(),
  }
}

describe('who presents a token', () => {
  test('is said by its claims, under whatever names', async () => {
    const source = await open({ claims: { org: 'https://acme/org', gateway: 'gw', tier: 'plan', priority: 'vip' } })
    const claims = { 'https://acme/org': 'globex', gw: 'globex-eu', plan: 'paid', vip: true }
    expect(await source.identify(await issuer.token({ claims }))).toEqual({
      identified: true,
      identity: { org: 'globex', gateway: 'globex-eu', tier: 'paid', priority: true },
    })
    expect(await source.identify(await issuer.token({ claims: { ...claims, vip: 'true' } }))).toEqual({
      identified: true,
      identity: { org: 'globex', gateway: 'globex-eu', tier: 'paid' },
    })
  })

  test.each<[string, TokenTerms, string]>([
    ['has expired', { expiresInS: -31 }, 'the token has expired'],
    ['never expires', { expiresInS: null }, 'the token is not valid'],
    ['is not valid yet', { notBeforeInS: 60 }, 'the token is not valid'],
    ['is of another issuer', { issuer: 'https://other.example' }, 'the token is not valid'],
    ['is for another audience', { audience: 'somebody' }, 'the token is not valid'],
    ['names no org', { claims: { org: undefined } }, 'the token has no usable claim "org" for the org'],
    ['names an org by a number', { claims: { org: 7 } }, 'the token has no usable claim "org" for the org'],
    ['names no gateway', { claims: { sub: '' } }, 'the token has no usable claim "sub" for the gateway'],
  ])('is refused where it %s', async (_, terms, detail) => {
    const source = await open()
    expect(await source.identify(await issuer.token(terms))).toEqual({
      ...{ identified: false, code: 'UNAUTHENTICATED', detail },
    })
  })

  test.each([
    ['expired', { expiresInS: -25 }],
    ['begins', { notBeforeInS: 25 }],
  ])('may be wrong about the time by the clock skew: %s', async (_, terms) => {
    expect(await (await open()).identify(await issuer.token(terms))).toMatchObject({ identified: true })
  })

  test('is believed by a public key alone: no signature, a shared secret and a forged one count for nothing', async () => {
    const source = await open()
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const claims = { org: 'acme', sub: 'gw', iss: ISSUER, aud: AUDIENCE, exp: Math.floor(Date.now() / 1_000) + 60 }
    const sign = (alg: string, key: CryptoKey | Uint8Array) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid: 'key-1' }).sign(key)
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(await sign('ES256', privateKey))).toMatchObject({ detail: 'the token is not valid' })
    // The classic: the public key, which everybody knows, used as a secret.
    const [jwk] = ((await (await fetch(issuer.url)).json()) as { keys: JWK[] }).keys
    const known = (await importJWK({ ...jwk, ext: true }, 'ES256', { extractable: true })) as CryptoKey
    for (const text of [await exportSPKI(known), await exportSPKI(publicKey)]) {
      const forged = await sign('HS256', new TextEncoder().encode(text))
      expect(await source.identify(forged)).toMatchObject({ detail: 'the token is not signed in an accepted way' })
    }
    expect(await source.identify(new UnsecuredJWT(claims).encode())).toBeUndefined()
    expect(issuer.asked).toHaveLength(3)
  })

  test.each(['', 'demo-key-acme', 'a.b', 'a.b.c.d', 'a.b.c', '....', 'ä.ö.ü'])('%j is no token', async (text) => {
    expect(await (await open()).identify(text)).toBeUndefined()
  })
})

describe('keys of tokens', () => {
  test('one that is broken, too short, private or there twice is as good as none, and the log says so once', async () => {
    const { n, e } = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' })
    const good = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
    const broken = [
      { kid: 'short', kty: 'RSA', n, e },
      { kid: 'garbled', kty: 'RSA', n: '!!', e: 'AQAB' },
      { kid: 'empty', kty: 'RSA' },
      { kid: 'off-curve', kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
      { kid: 'private', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) },
      { kid: 'twice', ...good },
    ]
    issuer.answer = () => ({ status: 200, body: { keys: [...broken, { kid: 'twice', ...good }] } })
    const told: object[] = []
    const source = await open({}, { ...silentLog, warn: (fields) => void told.push(fields) })
    for (const round of [1, 2]) {
      for (const { kid, kty } of broken) {
        clock.advance(COOLDOWN_MS)
        const header = Buffer.from(JSON.stringify({ alg: kty === 'EC' ? 'ES256' : 'RS256', kid })).toString('base64url')
        const found = await source.identify(`${header}.e30.AAAA`)
        expect(found, `${kid}, round ${round}`).toMatchObject({ detail: 'the token is signed with an unknown key' })
      }
    }
    expect(told).toEqual(broken.map(({ kid }) => ({ kid, cause: expect.any(String) })))
  })

  test('a new key is fetched when a token names it, once for all who wait', async () => {
    const source = await open()
    const kid = await issuer.newKey()
    clock.advance(COOLDOWN_MS)
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.token({ kid })))
    const found = await Promise.all(tokens.map((token) => source.identify(token)))
    expect(found.map((one) => one?.identified)).toEqual(Array(20).fill(true))
    expect(issuer.asked).toHaveLength(2)
  })

  test('a key that a fresh set lacks is unknown: 401; before a fresh set may be asked for it is 503', async () => {
    const source = await open()
    const kid = await issuer.newKey({ published: false })
    const token = await issuer.token({ kid })
    clock.advance(COOLDOWN_MS - 4_000)
    expect(await source.identify(token)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE', retryAfterMs: 4_000 })
    clock.advance(4_000)
    expect(await source.identify(token)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(issuer.asked).toHaveLength(2)
    // Somebody else's nonsense has used up the question, and meanwhile the key is published: it may not be called unknown.
    issuer.publish(kid)
    expect(await source.identify(token)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(token)).toMatchObject({ identified: true })
  })

  test('a key that is replaced under its name: nobody with a good token is refused for good, nor let in with the old one', async () => {
    const source = await open()
    const old = await issuer.token()
    await issuer.replaceKey('key-1')
    const token = await issuer.token()
    expect(await source.identify(token)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE', retryAfterMs: COOLDOWN_MS })
    expect(issuer.asked).toHaveLength(1)
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(token)).toMatchObject({ identified: true })
    expect(await source.identify(old)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(old)).toMatchObject({ code: 'UNAUTHENTICATED', detail: 'the token is not valid' })
    expect(issuer.asked).toHaveLength(3)
    await issuer.goAway()
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(old), 'it may be newer than the set').toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    expect(await source.identify(token)).toMatchObject({ identified: true })
  })

  test('who has waited for a set waits for no other, though that has not the key that signed the token', async () => {
    const source = await open({}, silentLog, 1_000)
    const kid = await issuer.newKey()
    const token = await issuer.token({ kid })
    await issuer.replaceKey(kid)
    let answer = () => {}
    const { answer: set } = issuer
    issuer.answer = (asked) =>
      new Promise((resolve) => {
        answer = () => resolve(set(asked))
      })
    clock.advance(COOLDOWN_MS)
    const first = source.identify(token)
    const joined = source.identify(token)
    await until(() => issuer.asked.length === 2)
    // Another fetch is allowed by now.
    clock.advance(1_499)
    answer()
    expect(await joined).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    expect(await first).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(issuer.asked).toHaveLength(2)
  })

  test('who is told when the set may be fetched again comes back over a quarter of that time', async () => {
    let turn = 0
    const source = await open({ random: () => turn++ / 4 })
    const token = await issuer.token({ kid: await issuer.newKey() })
    const told = []
    for (let n = 0; n < 4; n++) told.push(await source.identify(token))
    expect(told).toMatchObject([10_000, 10_625, 11_250, 11_875].map((retryAfterMs) => ({ retryAfterMs })))
  })

  test('while the set cannot be fetched known keys go on, for ever, and unknown ones are 503', async () => {
    const source = await open()
    const known = await issuer.token({ expiresInS: 1_000_000 })
    const unknown = await issuer.token({ kid: await issuer.newKey(), expiresInS: 1_000_000 })
    await issuer.goAway()
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(unknown)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    expect(await source.identify(known)).toMatchObject({ identified: true })
    clock.advance(24 * 3_600_000)
    expect(await source.identify(known)).toMatchObject({ identified: true })
    // Waits for the fetch that the advance began, which would else run out of time in the next.
    expect(await source.identify(unknown)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    await issuer.comeBack()
    clock.advance(COOLDOWN_MS)
    await until(async () => (await source.identify(unknown))?.identified)
  })

  test('a key that was withdrawn counts until the set is fetched again', async () => {
    const source = await open()
    const token = await issuer.token()
    await issuer.newKey()
    issuer.withdraw('key-1')
    expect(await source.identify(token)).toMatchObject({ identified: true })
    clock.advance(300_000)
    await until(async () => !(await source.identify(token))?.identified)
  })

  test.each<[string, object | string, number]>([
    ['an error', {}, 500],
    ['a redirect', {}, 302],
    ['no JSON', 'keys', 200],
    ['no key set', { keys: 3 }, 200],
    ['a set of what is no key', { keys: [null, 'key'] }, 200],
    ['too much', { keys: ['x'.repeat(300_000)] }, 200],
  ])('%s in place of the set changes nothing', async (_, body, status) => {
    const source = await open()
    const token = await issuer.token()
    issuer.answer = () => ({ status, body })
    clock.advance(300_000)
    await until(() => clock.nextInMs === COOLDOWN_MS, { what: 'the answer is read, and the set to be fetched anew' })
    expect(issuer.asked).toHaveLength(2)
    expect(await source.identify(token)).toMatchObject({ identified: true })
  })

  test('what is no key in a set voids none of the others', async () => {
    const source = await open()
    const token = await issuer.token({ kid: await issuer.newKey() })
    const { answer: set } = issuer
    issuer.answer = async (asked) => {
      const { body } = (await set(asked)) as { body: { keys: object[] } }
      return { status: 200, body: { keys: [null, 3, 'key', ['key'], {}, { kty: 'new', kid: 'key-2' }, ...body.keys] } }
    }
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(token)).toMatchObject({ identified: true })
  })

  test('an empty set lets nobody in, and is told to the log, and to nobody as a fault of his token', async () => {
    const told: unknown[] = []
    const source = await open({}, { ...silentLog, warn: (fields) => void told.push(fields) })
    const token = await issuer.token()
    const { answer: set } = issuer
    issuer.answer = () => ({ status: 200, body: { keys: [] } })
    clock.advance(300_000)
    await until(async () => (await source.identify(token))?.identified === false)
    expect(await source.identify(token)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    clock.advance(COOLDOWN_MS)
    expect(await source.identify(token)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
    expect(told).toEqual([{ cause: 'it has no key, and no token is good' }])
    issuer.answer = set
    clock.advance(COOLDOWN_MS)
    await until(async () => (await source.identify(token))?.identified)
  })

  test('a server that is silent holds up nobody for longer than its deadline', async () => {
    issuer.answer = () => 'silence'
    const opening = open()
    await until(() => issuer.waiting() === 1)
    clock.advance(1_500)
    const source = await opening
    expect(await source.identify(await issuer.token())).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' })
  })
})

test('while the set is silent few wait for it, of no address more than it leaves to others, and nobody with a known key', async () => {
  const source = await open()
  const known = await issuer.token()
  issuer.answer = () => 'silence'
  clock.advance(COOLDOWN_MS)
  const told: unknown[] = []
  const come = (count: number, address: string) =>
    Array.from({ length: count }, async (_, n) => {
      const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: `invented-${n}` })).toString('base64url')
      told.push(await source.identify(`${header}.e30.AAAA`, address))
    })
  const crowd = [...come(1_000, '192.0.2.2'), ...come(1_000, '192.0.2.3')]
  await until(() => told.length === 2_000 - 128 - 64, { what: 'who finds no room is told so' })
  await until(() => issuer.waiting() === 1, { what: 'the set is asked for' })
  expect(told[0]).toMatchObject({ code: 'IDENTITY_UNAVAILABLE', retryAfterMs: 2_500 })
  const newcomer = source.identify(await issuer.token({ kid: await issuer.newKey() }), '192.0.2.4')
  expect(await source.identify(known, '192.0.2.2')).toMatchObject({ identified: true })
  clock.advance(1_500)
  await Promise.all(crowd)
  expect(await newcomer).toMatchObject({ code: 'IDENTITY_UNAVAILABLE', retryAfterMs: COOLDOWN_MS - 1_500 })
  expect(issuer.asked).toHaveLength(2)
})

describe('a token that expires while its connection is open', () => {
  test.each([
    ['keep', true],
    ['close', false],
  ] as const)('under %s it may stay: %s', async (atExpiry, stays) => {
    const source = await open({ atExpiry })
    const found = await source.identify(await issuer.token({ expiresInS: 60 }))
    if (!found?.identified) throw new Error('the token must be good')
    expect(source.mayStay(found.identity)).toBe(true)
    clock.advance(91_000)
    expect(source.mayStay(found.identity)).toBe(stays)
  })

  test('connections are looked over every 2 s under `close`, and not once it is stopped', async () => {
    const source = await open({ atExpiry: 'close' })
    let looks = 0
    source.watch({ closeRevoked: async () => void looks++ })
    for (let second = 1; second <= 6; second++) {
      clock.advance(1_000)
      await Promise.resolve()
    }
    expect(looks).toBe(3)
    source.stop()
    clock.advance(60_000)
    expect(looks).toBe(3)
  })
})
