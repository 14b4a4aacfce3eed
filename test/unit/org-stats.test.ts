import { describe, expect, test } from 'vitest'
import { ClusterStats } from '../../src/limiter/cluster-stats.js'
import { encodeDetails } from '../../src/node/held/details.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'

const node = (info: string) => ({ lease: 7, connections: 2, expiresInMs: 900, info })

function statsOf(answers: object): ClusterStats {
  return new ClusterStats(answers as never, { connectionsPerOrg: 3, tierOf: () => undefined })
}

test.each([
  ['{"name":"a","startedAt":"2026-11-22T13:38:35.692Z"}', { name: 'a', startedAt: '2026-11-22T13:38:35.692Z' }],
  ['{"name":7,"startedAt":{"x":1},"late":"no","more":1}', { name: '7' }],
  ['{"name":"a","startedAt":"yesterday"}', { name: 'a' }],
  ['none of ours', { name: '7' }],
])('a node is told of by what it is known to say: %s', async (info, told) => {
  const stats = statsOf({ nodes: async () => [node(info)] })
  expect(await stats.nodes()).toEqual([{ ...told, lease: 7, connections: 2, leaseExpiresInMs: 900 }])
})

const SAID = '{"leaseTtlMs":2000,"renewIntervalMs":500}'

test.each([
  ['the times of its own lease', SAID, { ttlMs: 15_000, renewIntervalMs: 3_000 }, 900, 1_100, true],
  ['those, where nobody else knows any', SAID, undefined, 900, 1_100, true],
  ['them up to a beat and a half', SAID, undefined, 1_250, 750, false],
  ['those of whoever asks, where it says none', '{}', { ttlMs: 5_000, renewIntervalMs: 3_000 }, 900, 4_100, false],
  [
    'those too, where it says one alone',
    '{"leaseTtlMs":2000}',
    { ttlMs: 15_000, renewIntervalMs: 3_000 },
    900,
    14_100,
    true,
  ],
  ['no more than its lease can be old', SAID, undefined, 2_001, 0, false],
])('when a node was heard last is told by %s', async (_, info, terms, expiresInMs, heartbeatAgeMs, late) => {
  const store = { nodes: async () => [{ ...node(info), expiresInMs }] }
  const stats = new ClusterStats(store as never, {
    connectionsPerOrg: 3,
    tierOf: () => undefined,
    ...(terms && { terms }),
  })
  expect(await stats.nodes()).toMatchObject([{ leaseExpiresInMs: expiresInMs, heartbeatAgeMs, late }])
})

test.each([
  '{"leaseTtlMs":"2000","renewIntervalMs":500}',
  '{"leaseTtlMs":0,"renewIntervalMs":500}',
  '{"leaseTtlMs":2000}',
])('times that are none say nothing: %s', async (info) => {
  const [found] = await statsOf({ nodes: async () => [node(info)] }).nodes()
  expect(found).not.toHaveProperty('heartbeatAgeMs')
  expect(found).not.toHaveProperty('late')
})

test('a holder whose details somebody else wrote has its own id, lease and scopes all the same', async () => {
  const scopes = [
    { name: 'org', id: 'acme' },
    { name: 'cluster', id: '' },
  ]
  const foreign = '{"connectionId":"x","lease":"y","scopes":7,"g":7,"i":"pod-1"}'
  const details = [encodeDetails({ gateway: 'eu-1' }), foreign, '[']
  const holders = details.map((each, i) => ({ id: `a-${i}`, lease: 7, scopes, details: each }))
  const found = await statsOf({ holders: async () => holders }).connections('acme', 9)
  expect(found).toEqual([
    { connectionId: 'a-0', lease: 7, gateway: 'eu-1', scopes: scopes.slice(1) },
    { connectionId: 'a-1', lease: 7, instance: 'pod-1', scopes: scopes.slice(1) },
    { connectionId: 'a-2', lease: 7, scopes: scopes.slice(1) },
  ])
})

describe('what operators have set', () => {
  const limits = (set: object) =>
    statsOf({
      countOrgs: async () => [{ org: 'acme', count: 1, override: 5 }],
      overridesOf: async () => set,
    }).limits('acme')

  test.each(['{"limit":99,"by":7,"note":["x"],"setAt":"soon","expiresAt":1,"onLowered":"all"}', '"text"', '[1]', '{'])(
    'by something that keeps other details is in force, and shown without them: %s',
    async (details) => {
      const { override, limitFrom, maxAllowed } = await limits({ override: { limit: 5, details } })
      expect([override, limitFrom, maxAllowed]).toEqual([{ limit: 5 }, 'override', 5])
    },
  )

  test('is shown with the terms that are known', async () => {
    const terms = { note: 'pods', by: 'kim', setAt: '2030-01-01T00:00:00.000Z', onLowered: 'newest' }
    const { override } = await limits({ override: { limit: 5, details: JSON.stringify({ ...terms, more: 1 }) } })
    expect(override).toEqual({ limit: 5, ...terms })
  })

  test.each([
    ['none beside it', {}, {}],
    [
      'a tier beside it',
      { tier: { limit: 7, details: '{"tier":"big"}' } },
      { tier: 'big', assignedTier: { limit: 7 } },
    ],
  ])('is an override where nobody can read what has put it in force, with %s', async (_, set, beside) => {
    const found = await limits(set)
    expect(found).toMatchObject({ maxAllowed: 5, limitFrom: 'override', override: { limit: 5 }, ...beside })
  })

  test('a tier without its name is where the limit comes from all the same', async () => {
    const found = await limits({ tier: { limit: 5, details: '{"tier":7}' } })
    expect(found).toMatchObject({ limitFrom: 'tier', tier: undefined, assignedTier: { limit: 5 } })
  })
})

describe('who holds the slots of an org', () => {
  const holders = [7, 8, 9].map((lease) => ({ id: `c-${lease}`, lease, scopes: [], details: '{}' }))
  const stats = statsOf({
    holders: async (_: string, most: number) => holders.slice(0, most),
    nodes: async (which: object) => {
      expect(which).toEqual({ org: 'acme', uncounted: true })
      return [node('{"name":"a"}'), { ...node('{"name":"b"}'), lease: 9 }]
    },
  })

  test('is told with the names of the nodes, as far as those are known', async () => {
    expect(await stats.holders('acme', 9)).toEqual({
      orgId: 'acme',
      connections: [
        { connectionId: 'c-7', lease: 7, scopes: [], node: 'a' },
        { connectionId: 'c-8', lease: 8, scopes: [] },
        { connectionId: 'c-9', lease: 9, scopes: [], node: 'b' },
      ],
      truncated: false,
    })
  })

  test('under each lease of a node that has taken a new one while the one before still lives', async () => {
    const nodes = [{ ...node('{"name":"a"}'), leases: [7, 8] }]
    const { connections } = await statsOf({ holders: async () => holders, nodes: async () => nodes }).holders('acme', 9)
    expect(connections.map((each) => each.node)).toEqual(['a', 'a', undefined])
  })

  test('one question after the other, and none for the nodes of an org that nobody holds a slot of', async () => {
    const asked: string[] = []
    const found = (some: typeof holders) =>
      statsOf({
        holders: async () => {
          asked.push('holders')
          await new Promise(setImmediate)
          asked.push('told')
          return some
        },
        nodes: async () => {
          asked.push('nodes')
          return []
        },
      })
    await found(holders).holders('acme', 9)
    expect(asked.splice(0)).toEqual(['holders', 'told', 'nodes'])
    await found([]).holders('acme', 9)
    expect(asked).toEqual(['holders', 'told'])
  })

  test('is told without the names of the nodes where those alone cannot be had', async () => {
    const away = (nodes: () => Promise<never>) => statsOf({ holders: async () => holders, nodes }).holders('acme', 9)
    const { connections } = await away(() => Promise.reject(new StoreUnavailable('64 questions are waiting')))
    expect(connections.map(({ connectionId, node }) => [connectionId, node])).toEqual([
      ['c-7', undefined],
      ['c-8', undefined],
      ['c-9', undefined],
    ])
    await expect(away(() => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug')
  })

  test.each([
    [2, 2, true],
    [3, 3, false],
    [4, 3, false],
  ])('at most %d: %d are told, and whether there are more', async (atMost, told, truncated) => {
    const found = await stats.holders('acme', atMost)
    expect([found.connections.length, found.truncated]).toEqual([told, truncated])
  })
})
