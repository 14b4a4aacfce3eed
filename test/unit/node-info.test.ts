import { createHmac } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { Tiers } from '../../src/core/tiers.js'
import { version } from '../../src/core/version.js'
import { createLimiter } from '../../src/index.js'
import type { LimiterOptions } from '../../src/limiter/options.js'
import { ResumeTokens } from '../../src/node/admission/resume-tokens.js'
import { decodeNodeInfo, encodeNodeInfo } from '../../src/node/node-info.js'
import { ManualClock } from '../support/manual-clock.js'

const clock = new ManualClock()
const BARE = {
  name: 'a',
  clock,
  timing: leaseTiming({ ttlMs: 15_000, renewIntervalMs: 3_000, callTimeoutMs: 250 }),
  connectionsPerOrg: 3,
}
const SECRET = 'a secret of operators'

const told = (options: Partial<Parameters<typeof encodeNodeInfo>[0]> = {}) =>
  decodeNodeInfo(encodeNodeInfo({ ...BARE, ...options })).settings

test('a node that is told nothing tells what it does then, and of what version it is', () => {
  expect(decodeNodeInfo(encodeNodeInfo(BARE))).toEqual({
    ...{ name: 'a', startedAt: new Date(clock.wallMs()).toISOString(), version },
    ...{ leaseTtlMs: 15_000, renewIntervalMs: 3_000 },
    settings: {
      ...{ 'limits.org': 3, 'limits.reserved': 0, 'limits.instance': false },
      ...{ 'limits.gateway': 'unlimited', 'limits.address': 'unlimited', 'limits.cluster': 'unlimited' },
      ...{ leaseTtlMs: 15_000, renewIntervalMs: 3_000, probeTimeoutMs: 1_000, resumeSecret: 'kept in the store' },
      ...{ 'policies.onStoreDown': 'deny', 'policies.storeDownTimeMs': 300_000, 'policies.onLeaseLost': 'rejoin' },
      ...{ 'policies.orphanTimeMs': 'unlimited', 'policies.onLimitLowered': 'keep' },
    },
  })
})

test.each([
  ['limits.org', { connectionsPerOrg: Number.POSITIVE_INFINITY }, 'unlimited'],
  [
    'limits.tiers',
    { tiers: new Tiers({ paid: 10, free: 3, big: Number.POSITIVE_INFINITY }) },
    'big=unlimited,free=3,paid=10',
  ],
  ['limits.reserved', { limits: { reserved: { slots: 2 } } }, 2],
  ['limits.reserved', { limits: { reserved: { percent: 20 } } }, '20%'],
  ['limits.gateway', { limits: { gateway: 0 } }, 0],
  ['limits.instance', { limits: { instance: true } }, true],
  ['probeTimeoutMs', { probeTimeoutMs: 0 }, 0],
  ['policies.onStoreDown', { policies: { onStoreDown: 'allow' } }, 'allow'],
] as const)('%s of %j', (name, options, value) => expect(told(options)).toMatchObject({ [name]: value }))

test('tiers are told in few words, and tell any other from them', () => {
  const many = (odd: number) =>
    new Tiers(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a-tier-with-a-long-name-${i}`, i && odd])))
  const [one, same, other] = [told({ tiers: many(7) }), told({ tiers: many(7) }), told({ tiers: many(8) })]
  expect(one?.['limits.tiers']).toMatch(/^100 tiers, digest [0-9a-f]{8}$/)
  expect(one).toEqual(same)
  expect(one).not.toEqual(other)
  expect(encodeNodeInfo({ ...BARE, tiers: many(7) }).length).toBeLessThan(1_000)
})

test('of the secret there is no more than what tells another from it, and that signs nothing', () => {
  const info = encodeNodeInfo({ ...BARE, resumeSecret: SECRET })
  const { resumeSecret } = decodeNodeInfo(info).settings!
  expect(info).not.toContain(SECRET)
  expect(resumeSecret).toMatch(/^digest [0-9a-f]{8}$/)
  expect(told({ resumeSecret: SECRET })).toMatchObject({ resumeSecret })
  expect(told({ resumeSecret: `${SECRET}!` })).not.toMatchObject({ resumeSecret })
  expect(told({ resumeSecret: '' })).toMatchObject({ resumeSecret: 'kept in the store' })
  // What is signed for it is no message that a token could have.
  const whole = createHmac('sha256', SECRET).update('told settings').digest('base64url')
  const [id, expiry] = new ResumeTokens(clock, SECRET).issue({ org: 'acme' }, 'abc-1')!.split('.')
  expect(new ResumeTokens(clock, SECRET).connectionIn(`${id}.${expiry}.${whole}`, { org: 'acme' })).toBeUndefined()
})

test.each([
  ['no object', 'none'],
  ['null', 'null'],
  ['a list', '{"settings":["a",1]}'],
  ['other types', '{"name":1,"startedAt":1,"leaseTtlMs":"15000","renewIntervalMs":[3000]}'],
  ['settings that are null', '{"settings":null}'],
  ['no times', '{"startedAt":"soon","leaseTtlMs":0,"renewIntervalMs":-1}'],
  ['a text', '{"settings":"limits.org=3","version":7}'],
  ['values that are none', '{"settings":{"a":null,"b":{"c":1},"d":[1],"e":1e999},"version":{"a":1}}'],
  ['names that are none', '{"settings":{"__proto__":1,"":1,"a b":1,"\\u001b[2J":1},"version":"\\u001b[2J"}'],
  [
    'what is too long',
    JSON.stringify({ settings: { a: 'x'.repeat(257), ['n'.repeat(65)]: 1 }, version: '1'.repeat(65) }),
  ],
])('what somebody else wrote says nothing: %s', (_, text) => expect(decodeNodeInfo(text)).toEqual({}))

test('of what somebody else wrote, what could be settings is kept, up to a bound', () => {
  expect(
    decodeNodeInfo('{"settings":{"newer.thing":"x","on":true,"n":-1.5,"no":null},"version":"2.0.0-rc.1+b"}'),
  ).toEqual({ settings: { 'newer.thing': 'x', on: true, n: -1.5 }, version: '2.0.0-rc.1+b' })
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`s${i}`, i]))
  expect(Object.keys(decodeNodeInfo(JSON.stringify({ settings: many })).settings!)).toHaveLength(64)
})

test('a limiter of the library tells its own, by the names of its options', async () => {
  const options: LimiterOptions = {
    limits: { org: 5, tiers: { one: 1 }, reserved: { percent: 10 }, gateway: 2, address: 3, cluster: 9 },
    ...{ leaseTtlMs: 20_000, renewIntervalMs: 2_000, probeTimeoutMs: 500, resumeSecret: SECRET },
    policies: {
      onStoreDown: 'local',
      storeDownTimeMs: 1_000,
      onLeaseLost: 'close',
      orphanTimeMs: 5,
      onLimitLowered: 'newest',
    },
  }
  const limiter = createLimiter(options)
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  await limiter.ready()
  const [node] = await limiter.nodes()
  expect(node).toMatchObject({ version, settings: { 'limits.tiers': 'one=1', 'limits.reserved': '10%' } })
  const { 'limits.tiers': _, 'limits.reserved': __, resumeSecret: ___, ...plain } = node!.settings!
  expect(plain).toEqual({
    ...{ 'limits.org': 5, 'limits.gateway': 2, 'limits.instance': true, 'limits.address': 3, 'limits.cluster': 9 },
    ...{ leaseTtlMs: 20_000, renewIntervalMs: 2_000, probeTimeoutMs: 500 },
    ...Object.fromEntries(Object.entries(options.policies!).map(([name, value]) => [`policies.${name}`, value])),
  })
})
