import { expect, test } from 'vitest'
import { ClusterStats } from '../../src/limiter/org-stats.js'
import { encodeDetails } from '../../src/node/details.js'

const node = (info: string) => ({ lease: 7, connections: 2, expiresInMs: 900, info })

function statsOf(answers: object): ClusterStats {
  return new ClusterStats(answers as never, { connectionsPerOrg: 3, tierOf: () => undefined })
}

test.each([
  ['{"name":"a","startedAt":"2026-11-22T13:38:35.692Z"}', { name: 'a', startedAt: '2026-11-22T13:38:35.692Z' }],
  ['{"name":7,"startedAt":{"x":1},"late":"no","more":1}', { name: '7' }],
  ['none of ours', { name: '7' }],
])('a node is told of by what it is known to say: %s', async (info, told) => {
  const stats = statsOf({ nodes: async () => [node(info)] })
  expect(await stats.nodes()).toEqual([{ ...told, lease: 7, connections: 2, leaseExpiresInMs: 900 }])
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
