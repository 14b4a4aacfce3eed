import { describe, expect, test } from 'vitest'
import type { AdmissionRequest } from '../../src/core/admission.js'
import { checkReserve, type Reserve, reservedOf } from '../../src/core/reserve.js'
import { checkScopes, refusalOfScope, type ScopeRequest } from '../../src/core/scopes.js'
import { claimOf, type ScopeLimits } from '../../src/node/held/claim-of.js'
import { decodeDetails } from '../../src/node/held/details.js'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { loadConfig } from '../../src/server/config.js'
import { codeOf } from '../support/thrown.js'

const Unlimited = Number.POSITIVE_INFINITY
const ALL: ScopeLimits = { instance: true, gateway: 2, address: 3, cluster: 4, reserved: { slots: 1 } }
const user = { name: 'user', id: 'kim', limit: 5 }

function claimed(request: AdmissionRequest, limits?: ScopeLimits) {
  return claimOf(
    request,
    { connectionsPerOrg: 9, ...(limits && { limits }) },
    { id: 'c', sinceMs: Date.parse('2030-01-01T00:00:00.000Z') },
  )
}

describe('what a request claims', () => {
  test('is the org alone where nothing else is limited, and then carries nothing more', () => {
    const { scopes, reserve } = claimed({ org: 'acme', gateway: 'eu', address: '192.0.2.1' })
    expect([scopes, reserve]).toEqual([[{ name: 'org', id: 'acme', limit: 9 }], undefined])
    const none = { gateway: Unlimited, address: Unlimited, cluster: Unlimited }
    expect(claimed({ org: 'acme', gateway: 'eu', address: '192.0.2.1' }, none).scopes).toHaveLength(1)
  })

  test('is in the order in which it is refused: the narrowest first', () => {
    const [who, where] = [{ org: 'acme', gateway: 'eu', instance: 'pod-1' }, { address: '2001:db8::1' }]
    const { scopes, reserve } = claimed({ ...who, ...where, scopes: [user] }, ALL)
    expect(scopes).toEqual([
      { name: 'org', id: 'acme', limit: 9 },
      { name: 'instance', id: 'acme/eu/pod-1', limit: 1 },
      { name: 'gateway', id: 'acme/eu', limit: 2 },
      user,
      { name: 'address', id: '2001:db8:0:0::/64', limit: 3 },
      { name: 'cluster', id: '', limit: 4 },
    ])
    expect(reserve).toEqual({ slots: 1 })
  })

  test('is what the request adds also where nothing else is limited', () => {
    expect(claimed({ org: 'acme', scopes: [user] }).scopes).toEqual([{ name: 'org', id: 'acme', limit: 9 }, user])
  })

  test('is less where the request does not say who or where it is', () => {
    expect(claimed({ org: 'acme' }, ALL).scopes.map(({ name }) => name)).toEqual(['org', 'cluster'])
  })

  test('leaves nothing to others where it has priority', () => {
    expect(claimed({ org: 'acme', priority: true }, ALL).reserve).toBeUndefined()
    expect(decodeDetails(claimed({ org: 'acme', priority: true }).details)).toMatchObject({ priority: true })
  })

  test('tells what it came with: its limit where that has an end, and that it has priority where it has', () => {
    const told = (request: Partial<AdmissionRequest>) => decodeDetails(claimed({ org: 'acme', ...request }).details)
    const since = '2030-01-01T00:00:00.000Z'
    expect(told({})).toStrictEqual({ since, limit: 9 })
    expect(told({ limit: 0, gateway: 'eu' })).toStrictEqual({ gateway: 'eu', since, limit: 0 })
    expect(told({ limit: Unlimited, priority: true })).toStrictEqual({ since, priority: true })
  })

  test('of an org that cannot be kept is refused', () => {
    for (const org of ['', '\ud800', 'x'.repeat(257)]) expect(codeOf(() => claimed({ org }))).toBe('INVALID_ORG')
  })

  test('S5: no two orgs share the scope of a gateway, whatever their names', () => {
    const idOf = (org: string, gateway: string) => claimed({ org, gateway }, ALL).scopes[1]!.id
    expect(idOf('a', 'b/c')).not.toBe(idOf('a/b', 'c'))
    expect(idOf('a%2Fb', 'c')).not.toBe(idOf('a/b', 'c'))
  })

  test('S5: no two gateways or orgs share the scope of an instance, whatever their names', () => {
    const idOf = (org: string, gateway: string | undefined, instance: string) =>
      claimed({ org, ...(gateway !== undefined && { gateway }), instance }, { instance: true }).scopes[1]!.id
    const ids = [
      ...[idOf('a', 'b', 'c/d'), idOf('a', 'b/c', 'd'), idOf('a/b', 'c', 'd'), idOf('a', undefined, 'b/c/d')],
      ...[idOf('a%2Fb', 'c', 'd'), idOf('a', 'b%2Fc', 'd'), idOf('a', 'b', 'c%2Fd'), idOf('a', '/', 'b')],
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('does not count an instance where that is off', () => {
    const named = { org: 'acme', gateway: 'eu', instance: 'pod-1' }
    for (const limits of [{}, { instance: false }]) expect(claimed(named, limits).scopes).toHaveLength(1)
  })

  test.each<[string, AdmissionRequest]>([
    ['a gateway without a name', { org: 'acme', gateway: '' }],
    ['an instance without a name', { org: 'acme', instance: '' }],
    ['an instance that could not be kept', { org: 'acme', instance: '\ud800' }],
    ['an instance of a gateway that could not be kept', { org: 'acme', gateway: '\ud800', instance: 'pod-1' }],
    ['an address that could not be kept', { org: 'acme', address: '\ud800' }],
    ['a gateway of any length', { org: 'acme', gateway: 'x'.repeat(257) }],
    ['a gateway that is no text', { org: 'acme', gateway: 7 as never }],
    ['an address that is no text', { org: 'acme', address: {} as never }],
  ])('of %s is refused as misuse, counted or not: it is kept with the connection', (_, request) => {
    expect(codeOf(() => claimed(request, ALL))).toBe('INVALID_SCOPES')
    expect(codeOf(() => claimed(request))).toBe('INVALID_SCOPES')
  })
})

describe('scopes of the program', () => {
  test.each<[string, ScopeRequest[], string]>([
    ...['org', 'gateway', 'instance', 'address', 'node', 'cluster', '', 'User', '1st', 'a:b', 'x'.repeat(33)].map(
      (name): [string, ScopeRequest[], string] => [`the name ${name}`, [{ ...user, name }], 'INVALID_SCOPES'],
    ),
    ['a name twice', [user, user], 'INVALID_SCOPES'],
    ['five of them', [1, 2, 3, 4, 5].map((n) => ({ ...user, name: `u${n}` })), 'INVALID_SCOPES'],
    ['an empty id', [{ ...user, id: '' }], 'INVALID_SCOPES'],
    ['a broken limit', [{ ...user, limit: -1 }], 'INVALID_LIMIT'],
    ['no list', 'user' as never, 'INVALID_SCOPES'],
  ])('%s is refused as misuse', (_, scopes, code) => {
    expect(codeOf(() => checkScopes(scopes))).toBe(code)
  })

  test('up to four are taken, unlimited ones too, and have one code', () => {
    const four = ['user', 'device', 'x-1', 'y'].map((name) => ({ name, id: 'a:b', limit: Unlimited }))
    expect(codeOf(() => checkScopes(four))).toBeUndefined()
    expect(refusalOfScope('user')).toBe('SCOPE_CONNECTION_LIMIT_EXCEEDED')
    expect(refusalOfScope('constructor')).toBe('SCOPE_CONNECTION_LIMIT_EXCEEDED')
  })
})

describe('what is reserved', () => {
  test.each<[number, Reserve | undefined, number]>([
    [10, undefined, 0],
    [10, { slots: 3 }, 3],
    [2, { slots: 3 }, 2],
    [Unlimited, { slots: 3 }, 0],
    [10, { percent: 25 }, 2],
    [3, { percent: 20 }, 0],
    [10, { percent: 100 }, 10],
    [Unlimited, { percent: 20 }, 0],
  ])('of %d by %j are %d slots', (limit, reserve, slots) => {
    expect(reservedOf(limit, reserve)).toBe(slots)
  })

  test.each([{}, { slots: -1 }, { slots: 1.5 }, { percent: 101 }, { slots: 1, percent: 1 }, { slots: '1' }])(
    '%j is nothing that could be reserved',
    (reserve) => {
      expect(codeOf(() => checkReserve(reserve as Reserve))).toBe('INVALID_SETTINGS')
    },
  )

  test.each([
    ['0', { slots: 0 }],
    ['2', { slots: 2 }],
    ['20%', { percent: 20 }],
  ])('HEADCOUNT_RESERVED_SLOTS=%s', (text, reserved) => {
    const loaded = loadConfig({ argv: [], env: { HEADCOUNT_RESERVED_SLOTS: text } })
    expect(loaded).toMatchObject({ ok: true, config: { reserved } })
  })

  test.each(['', '-1', '101%', '1.5', '2 %', 'some'])('HEADCOUNT_RESERVED_SLOTS=%j is refused at start', (text) => {
    expect(loadConfig({ argv: [`--reserved-slots=${text}`], env: {} })).toMatchObject({ ok: false })
  })
})

test('R2: a node knows how many slots it holds of each scope', () => {
  const held = new HeldConnections()
  const hold = (id: string, org: string, gateway: string) => {
    const connection = new HeldConnection({ ...claimed({ org, gateway }, ALL), id }, 0)
    connection.hold()
    held.add(connection)
    return connection
  }
  const [first] = [hold('1', 'acme', 'eu'), hold('2', 'acme', 'us'), hold('3', 'globex', 'eu')]
  const counts = () =>
    [
      ['org', 'acme'],
      ['gateway', 'acme/eu'],
      ['cluster', ''],
      ['cluster', 'x'],
    ].map(([name, id]) => held.heldIn({ name: name!, id: id! }))
  expect(counts()).toEqual([2, 1, 3, 0])
  held.remove(first)
  expect(counts()).toEqual([1, 0, 2, 0])
})
