import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Identity } from '../../src/gate/identify.js'
import { CallbackClient } from '../../src/identity/callback-client.js'
import { CallbackSource, type CallbackSourceOptions } from '../../src/identity/callback-source.js'
import type { Log } from '../../src/observe/log.js'
import { HttpCaller } from '../../src/outbound/http-caller.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { type Platform, type PlatformAnswer, startPlatform } from '../support/platform.js'
import { silentLog } from '../support/silent-log.js'
import { until } from '../support/until.js'

const TIMEOUT_MS = 1_000
const MOST_MS = 5_000
const TTL_MS = 10_000
const STALE_MS = 600_000
const RECHECK_MS = 15_000
const ATTEMPT = { path: '/connect', address: '192.0.2.1' }

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')
const acme: PlatformAnswer = { status: 200, body: { org: 'acme', gateway: 'gw', further: 'fields' } }
const unavailable = { identified: false, code: 'IDENTITY_UNAVAILABLE' }

let clock: ManualClock
let platform: Platform

leakGate()
beforeEach(async () => {
  clock = new ManualClock()
  platform = await startPlatform(() => acme)
})

function open(options: Partial<CallbackSourceOptions> = {}, log: Log = silentLog): CallbackSource {
  const caller = new HttpCaller({ url: platform.url, clock, timeoutMs: MOST_MS, maxSockets: 32 })
  const client = new CallbackClient({ caller, clock, log, timeoutMs: TIMEOUT_MS, token: 'ours' })
  const source = new CallbackSource({
    ...{ client, clock, ttlMs: TTL_MS, staleMs: STALE_MS, recheckMs: RECHECK_MS, showsCredential: false },
    ...options,
  })
  onTestFinished(() => source.stop())
  return source
}

async function known(source: CallbackSource, credential = 'secret'): Promise<Identity> {
  const found = await source.identify(credential, ATTEMPT)
  if (!found.identified) throw new Error(`refused with ${found.code}`)
  return found.identity
}

describe('what the platform is told', () => {
  test('the digest of a credential, never itself, and our own token', async () => {
    expect(await known(open())).toEqual({ org: 'acme', gateway: 'gw' })
    expect(platform.asked).toMatchObject([{ method: 'POST', headers: { authorization: 'Bearer ours' } }])
    expect(JSON.parse(platform.asked[0]!.body)).toEqual({ credentialSha256: digestOf('secret'), ...ATTEMPT })
  })

  test('the credential too, where that is wanted', async () => {
    await known(open({ showsCredential: true }))
    expect(JSON.parse(platform.asked[0]!.body)).toMatchObject({ credential: 'secret' })
  })
})

describe('what the platform answers', () => {
  test.each<[PlatformAnswer, object]>([
    [
      { status: 200, body: { org: 'a', gateway: 'g', tier: 'paid', limit: 0 } },
      { identity: { tier: 'paid', limit: 0 } },
    ],
    [{ status: 200, body: { org: 'a', gateway: 'g', limit: 'unlimited' } }, { identity: { limit: Infinity } }],
    [{ status: 401 }, { identified: false, code: 'UNAUTHENTICATED' }],
    [{ status: 403 }, { identified: false, code: 'ORG_DISABLED' }],
    [{ status: 404 }, unavailable],
    [{ status: 429 }, unavailable],
    [{ status: 500 }, unavailable],
    [{ status: 302 }, unavailable],
    [{ status: 200, body: 'no JSON' }, unavailable],
    [{ status: 200, body: { org: '', gateway: 'g' } }, unavailable],
    [{ status: 200, body: { org: 'a' } }, unavailable],
    [{ status: 200, body: { org: 'a', gateway: 'g', limit: -1 } }, unavailable],
    [{ status: 200, body: { org: 'a', gateway: 'g', more: 'x'.repeat(100_000) } }, unavailable],
  ])('%j', async (answer, expected) => {
    platform.answer = () => answer
    expect(await open().identify('secret', ATTEMPT)).toMatchObject(expected)
  })

  test('a refusal counts whatever page comes with it, and however many strangers are refused so', async () => {
    const source = open()
    const page = 'x'.repeat(100_000)
    platform.answer = ({ body }) => (body.includes(digestOf('real')) ? acme : { status: 401, body: page })
    for (let i = 0; i < 8; i++) {
      expect(await source.identify(`invented-${i}`, ATTEMPT)).toMatchObject({ code: 'UNAUTHENTICATED' })
    }
    expect(await known(source, 'real')).toEqual({ org: 'acme', gateway: 'gw' })
  })

  test('nothing: there is an answer of ours within the deadline, and it is not 401', async () => {
    platform.answer = () => 'silence'
    const asking = open().identify('secret', ATTEMPT)
    await until(() => platform.waiting() === 1)
    clock.advance(TIMEOUT_MS)
    expect(await asking).toMatchObject(unavailable)
    clock.advance(MOST_MS - TIMEOUT_MS)
    await until(() => platform.waiting() === 0, { what: 'the question is taken back' })
  })
})

test('a credential that has priority may use reserved slots', async () => {
  platform.answer = () => ({ status: 200, body: { org: 'acme', gateway: 'gw', priority: true } })
  expect(await known(open())).toMatchObject({ priority: true })
})

describe('how often it is asked', () => {
  test('once for all who come at the same moment with one credential', async () => {
    const source = open()
    const found = await Promise.all(Array.from({ length: 50 }, () => known(source)))
    expect(new Set(found).size).toBe(1)
    expect(platform.asked).toHaveLength(1)
  })

  test('again when its word is old; what it refused is asked again sooner', async () => {
    const source = open()
    const first = await known(source)
    clock.advance(TTL_MS - 1)
    await known(source)
    expect(platform.asked).toHaveLength(1)
    clock.advance(1)
    expect(await known(source)).toBe(first)
    expect(platform.asked).toHaveLength(2)
    platform.answer = () => ({ status: 401 })
    for (const after of [0, 4_999, 1]) {
      clock.advance(after)
      await source.identify('nonsense', ATTEMPT)
    }
    expect(platform.asked).toHaveLength(4)
  })

  test('a flood of invented credentials makes nobody forgotten', async () => {
    const source = open()
    const first = await known(source)
    platform.answer = () => ({ status: 401 })
    for (let i = 0; i < 1_200; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => source.identify(`invented-${i + n}`, ATTEMPT)))
    }
    expect(await known(source)).toBe(first)
  }, 60_000)

  test('at once for each, where it answers 404 for any number of others: that is no failure of the platform', async () => {
    const source = open()
    platform.answer = ({ body }) => (body.includes(digestOf('real')) ? acme : { status: 404 })
    for (let i = 0; i < 20; i++) expect(await source.identify(`invented-${i}`, ATTEMPT)).toMatchObject(unavailable)
    expect(await known(source, 'real')).toEqual({ org: 'acme', gateway: 'gw' })
    expect(platform.asked).toHaveLength(21)
  })

  test('after five failures in a row it is left alone for a second', async () => {
    const source = open()
    platform.answer = () => ({ status: 500 })
    for (let i = 0; i < 20; i++) expect(await source.identify(`key-${i}`, ATTEMPT)).toMatchObject(unavailable)
    expect(platform.asked).toHaveLength(5)
    platform.answer = () => acme
    clock.advance(1_000)
    await known(source, 'key-3')
  })
})

describe('while the platform fails for strangers alone', () => {
  /** It fails for all that it has never seen, and each comes from an address of its own. */
  async function strangers(source: CallbackSource, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const found = await source.identify(`invented-${n}`, { path: '/connect', address: `198.51.100.${n}` })
      expect(found).toMatchObject(unavailable)
    }
  }

  test('who comes from elsewhere is asked about and let in', async () => {
    const source = open()
    platform.answer = ({ body }) => (body.includes(digestOf('real')) ? acme : { status: 500 })
    await strangers(source, 20)
    expect(await known(source, 'real')).toEqual({ org: 'acme', gateway: 'gw' })
    await strangers(source, 20)
    const again = await source.identify('another', { path: '/connect', address: '198.51.100.19' })
    expect(again, 'an address for which it has just failed waits').toMatchObject(unavailable)
    expect(platform.asked.filter(({ body }) => body.includes(digestOf('another')))).toEqual([])
  })

  test('the log says once a minute that it does not answer, however often it does in between', async () => {
    const told: string[] = []
    const tell = (_: object, message: string) => void told.push(message)
    const source = open({}, { ...silentLog, warn: tell, info: tell })
    const real = ['one', 'two', 'three', 'four']
    platform.answer = ({ body }) => (real.some((each) => body.includes(digestOf(each))) ? acme : { status: 500 })
    const both = [expect.stringContaining('does not say who may connect'), 'the platform answers again']
    for (const credential of real) {
      if (credential === 'four') clock.advance(60_000)
      await strangers(source, 5)
      await known(source, credential)
      expect(told).toEqual(credential === 'four' ? [...both, ...both] : both)
    }
  })

  test('who was known lately is let in without a question, once a second one is asked', async () => {
    const source = open()
    const first = await known(source)
    clock.advance(TTL_MS)
    platform.answer = () => ({ status: 500 })
    await strangers(source, 5)
    const askedBefore = platform.asked.length
    for (let n = 0; n < 5; n++) expect(await known(source)).toBe(first)
    expect(platform.asked).toHaveLength(askedBefore)
    clock.advance(1_000)
    for (let n = 0; n < 5; n++) expect(await known(source)).toBe(first)
    expect(platform.asked).toHaveLength(askedBefore + 1)
  })
})

describe('while the platform is away', () => {
  test('who was known goes on for the stale time, others are 503', async () => {
    const source = open()
    const first = await known(source)
    await platform.goAway()
    clock.advance(STALE_MS - 1)
    expect(await known(source)).toBe(first)
    expect(await source.identify('other', ATTEMPT)).toMatchObject(unavailable)
    clock.advance(1)
    expect(await source.identify('secret', ATTEMPT)).toMatchObject(unavailable)
  })
})

describe('who is in', () => {
  /** While a question is under way its deadline comes first, whether or not it has arrived, or its answer. */
  const roundIsOver = () => until(() => clock.nextInMs === RECHECK_MS, { what: 'the round is over' })

  /** A gate with these connections, which closes whoever may not stay. */
  function watched(source: CallbackSource, ...held: Identity[]) {
    const gate = {
      held,
      identities: () => gate.held,
      closeRevoked: async () => {
        gate.held = gate.held.filter((identity) => source.mayStay(identity))
      },
    }
    source.watch(gate)
    return gate
  }

  test('is asked about in rounds, once a credential, and goes when it is refused or is somebody else', async () => {
    const source = open()
    const [one, other, third] = [await known(source, 'one'), await known(source, 'other'), await known(source, 'third')]
    const gate = watched(source, one, one, other, third, third)
    const askedBefore = platform.asked.length
    platform.answer = ({ body }) => {
      if (body.includes(digestOf('one'))) return { status: 401 }
      return body.includes(digestOf('other')) ? { status: 200, body: { org: 'globex', gateway: 'gw' } } : acme
    }
    clock.advance(RECHECK_MS)
    await until(() => gate.held.length === 2)
    expect(gate.held).toEqual([third, third])
    await until(() => platform.asked.length === askedBefore + 3)
    expect(JSON.parse(platform.asked.at(-1)!.body)).not.toHaveProperty('address')
  })

  test.each(['took longer', 'never came'])(
    'is not known again where the answer to an older question %s',
    async (how) => {
      const source = open({ ttlMs: 0, recheckMs: TIMEOUT_MS / 2 })
      const held = await known(source)
      const gate = watched(source, held)
      const late: (() => void)[] = []
      platform.answer = ({ body }) =>
        body.includes('address') ? new Promise((resolve) => late.push(() => resolve(acme))) : { status: 401 }
      const attempt = source.identify('secret', ATTEMPT)
      await until(() => late.length === 1)
      clock.advance(TIMEOUT_MS / 2)
      await until(() => gate.held.length === 0)
      if (how === 'never came') clock.advance(TIMEOUT_MS / 2)
      else late[0]!()
      expect(await attempt).toMatchObject({ identified: false, code: 'UNAUTHENTICATED' })
      expect(source.mayStay(held)).toBe(false)
      late[0]!()
    },
  )

  test('goes at once when somebody else is refused with the same credential', async () => {
    const source = open()
    const gate = watched(source, await known(source))
    platform.answer = () => ({ status: 403 })
    clock.advance(TTL_MS)
    expect(await source.identify('secret', ATTEMPT)).toMatchObject({ code: 'ORG_DISABLED' })
    expect(gate.held).toEqual([])
  })

  test('stays where only its tier or limit has changed', async () => {
    const source = open()
    const first = await known(source)
    const gate = watched(source, first)
    platform.answer = () => ({ status: 200, body: { org: 'acme', gateway: 'gw', tier: 'paid' } })
    clock.advance(TTL_MS)
    expect(await known(source)).toMatchObject({ tier: 'paid' })
    expect(gate.held).toEqual([first])
  })

  test('is asked about once a credential and goes at once, however often its limit has changed since', async () => {
    const source = open({ ttlMs: 0 })
    let limit = 100
    platform.answer = () => ({ status: 200, body: { org: 'acme', gateway: 'gw', limit: limit-- } })
    const held = [await known(source), await known(source), await known(source)]
    expect(held.map((identity) => identity.limit)).toEqual([100, 99, 98])
    const gate = watched(source, ...held)
    clock.advance(RECHECK_MS)
    await roundIsOver()
    expect(platform.asked).toHaveLength(4)
    expect(gate.held).toEqual(held)
    platform.answer = () => ({ status: 401 })
    expect(await source.identify('secret', ATTEMPT)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(gate.held).toEqual([])
  })

  test.each([404, 429, 500])(
    'goes when it is refused, however many before it the platform answers %i for, and those stay',
    async (status) => {
      const source = open()
      const held: Identity[] = []
      for (let i = 0; i < 40; i++) held.push(await known(source, `key-${i}`))
      const gate = watched(source, ...held)
      platform.answer = ({ body }) => (body.includes(digestOf('key-39')) ? { status: 401 } : { status })
      for (let round = 0; round < 10 && gate.held.length === 40; round++) {
        clock.advance(RECHECK_MS)
        await roundIsOver()
      }
      expect(gate.held).toEqual(held.slice(0, 39))
    },
  )

  test('goes in the first round where it is refused, however many of another org the platform fails for', async () => {
    const source = open()
    platform.answer = () => ({ status: 200, body: { org: 'globex', gateway: 'gw' } })
    const others: Identity[] = []
    for (let i = 0; i < 40; i++) others.push(await known(source, `globex-${i}`))
    platform.answer = () => acme
    const gate = watched(source, ...others, await known(source))
    platform.answer = ({ body }) => ({ status: body.includes(digestOf('secret')) ? 401 : 500 })
    clock.advance(RECHECK_MS)
    await roundIsOver()
    expect(gate.held).toEqual(others)
  })

  test('goes when it is refused, also while the platform fails for strangers without end', async () => {
    const source = open()
    const gate = watched(source, await known(source))
    platform.answer = ({ body }) => ({ status: body.includes(digestOf('secret')) ? 401 : 500 })
    for (let n = 0; n < 20; n++) await source.identify(`invented-${n}`, { ...ATTEMPT, address: `198.51.100.${n}` })
    clock.advance(RECHECK_MS - 1)
    for (let n = 20; n < 40; n++) await source.identify(`invented-${n}`, { ...ATTEMPT, address: `198.51.100.${n}` })
    clock.advance(1)
    await roundIsOver()
    expect(gate.held).toEqual([])
  })

  test('stays while the platform is away, or answers nonsense; the round is given up, and the next one begins', async () => {
    const source = open()
    const held: Identity[] = []
    for (let i = 0; i < 40; i++) held.push(await known(source, `key-${i}`))
    const gate = watched(source, ...held)
    platform.answer = () => ({ status: 500 })
    clock.advance(RECHECK_MS)
    await roundIsOver()
    // Eight in a row are enough, and three more were under way.
    expect(platform.asked.length).toBeLessThanOrEqual(40 + 8 + 3)
    expect(gate.held).toHaveLength(40)
    platform.answer = () => ({ status: 401 })
    clock.advance(RECHECK_MS)
    await until(() => gate.held.length === 0, { what: 'all are asked about once it is back' })
  })
})

describe('strangers with invented credentials, more than the platform answers', () => {
  const invented = (count: number, from: string) =>
    Array.from({ length: count }, (_, n) => ({ credential: `from-${from}-${n}`, address: from }))
  /** Attempts that are told nothing yet; `told` is filled as they are. */
  function come(source: CallbackSource, who: readonly { credential: string; address: string }[]) {
    const told: unknown[] = []
    const all = who.map(async ({ credential, address }) => {
      told.push(await source.identify(credential, { path: '/connect', address }))
    })
    return { told, all: Promise.all(all) }
  }

  test('it has 28 of their questions at most, also of those that nobody waits for any more', async () => {
    const source = open()
    platform.answer = () => 'silence'
    const crowd = come(source, invented(200, '192.0.2.2'))
    await until(() => platform.waiting() === 28)
    clock.advance(TIMEOUT_MS)
    await crowd.all
    expect(crowd.told.filter((told) => (told as { code?: string }).code === 'IDENTITY_UNAVAILABLE')).toHaveLength(200)
    clock.advance(1_000)
    expect(platform.waiting()).toBe(28)
    const later = come(source, invented(10, '192.0.2.3'))
    clock.advance(MOST_MS - TIMEOUT_MS - 1_001)
    await later.all
    expect([platform.asked.length, platform.waiting()]).toEqual([28, 28])
    platform.answer = () => acme
    clock.advance(1)
    await until(() => platform.waiting() === 0)
    expect(await known(source)).toEqual({ org: 'acme', gateway: 'gw' })
  })

  test('who waits in vain is no failure of the platform, and is told so at once where there is no room', async () => {
    const source = open()
    const answers: (() => void)[] = []
    platform.answer = () => new Promise((resolve) => answers.push(() => resolve({ status: 401 })))
    const crowd = come(source, invented(2_000, '192.0.2.2'))
    await until(() => answers.length === 28)
    expect(crowd.told).toHaveLength(2_000 - 28 - 256)
    expect(crowd.told[0]).toMatchObject({
      code: 'IDENTITY_UNAVAILABLE',
      detail: expect.stringContaining('at this moment'),
    })
    clock.advance(900)
    await until(() => crowd.told.length === 2_000 - 28)
    for (const answer of answers) answer()
    await crowd.all
    platform.answer = () => acme
    expect(await known(source), 'the platform is not left alone').toEqual({ org: 'acme', gateway: 'gw' })
  })

  test('who comes with the same one shares the answer, and takes room while he waits for it', async () => {
    const source = open()
    const answers: (() => void)[] = []
    platform.answer = () => new Promise((resolve) => answers.push(() => resolve({ status: 401 })))
    const crowd = come(source, Array(1_000).fill({ credential: 'invented', address: '192.0.2.2' }))
    await until(() => answers.length === 1)
    expect(crowd.told).toHaveLength(1_000 - 1 - 256)
    const elsewhere = come(source, [{ credential: 'invented', address: '192.0.2.3' }])
    answers[0]!()
    await Promise.all([crowd.all, elsewhere.all])
    expect(elsewhere.told).toMatchObject([{ code: 'UNAUTHENTICATED' }])
    expect(platform.asked).toHaveLength(1)
    expect(crowd.told.filter((told) => (told as { code?: string }).code === 'UNAUTHENTICATED')).toHaveLength(257)
  })

  test('who waits for a platform that fails meanwhile is not asked about', async () => {
    const source = open()
    const answers: (() => void)[] = []
    platform.answer = () => new Promise((resolve) => answers.push(() => resolve({ status: 500 })))
    const crowd = come(source, invented(200, '192.0.2.2'))
    await until(() => answers.length === 28)
    while (crowd.told.length < 200) {
      for (const answer of answers.splice(0)) answer()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(platform.asked.length).toBeLessThan(2 * 28)
  })

  test('who comes from elsewhere is asked about next', async () => {
    const source = open()
    const answers: (() => void)[] = []
    platform.answer = () => new Promise((resolve) => answers.push(() => resolve({ status: 401 })))
    const crowd = come(source, invented(500, '192.0.2.2'))
    await until(() => answers.length === 28)
    const newcomer = come(source, [{ credential: 'real', address: '192.0.2.3' }])
    for (const answer of answers.splice(0, 2)) answer()
    await until(() => platform.asked.length === 30)
    expect(platform.asked.slice(28).some(({ body }) => body.includes(digestOf('real')))).toBe(true)
    while (crowd.told.length < 500 || newcomer.told.length < 1) {
      for (const answer of answers.splice(0)) answer()
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

  test('who is in is asked about nevertheless, also where his own attempt waits, and goes when it is refused', async () => {
    const source = open({ recheckMs: 500, ttlMs: 0 })
    const held = await Promise.all(Array.from({ length: 8 }, (_, n) => known(source, `key-${n}`)))
    const gate = { identities: () => held, closeRevoked: async () => {} }
    source.watch(gate)
    platform.answer = ({ body }) =>
      held.some((_, n) => body.includes(digestOf(`key-${n}`))) ? { status: 401 } : 'silence'
    const crowd = come(source, [...invented(100, '192.0.2.2'), { credential: 'key-0', address: '192.0.2.2' }])
    await until(() => platform.waiting() === 28)
    clock.advance(500)
    await until(() => held.every((identity) => !source.mayStay(identity)))
    expect(platform.waiting()).toBe(28)
    clock.advance(TIMEOUT_MS)
    await crowd.all
  })
})
