import { expect, test } from 'vitest'
import { answerIn } from '../../src/cli/cluster/answer.js'

const NODE = { name: 'n', lease: 1, connections: 0, leaseExpiresInMs: 9_000 }
const NODES = { nodes: [NODE, { ...NODE, settings: { 'limits.org': 3, leaseTtlMs: 'x', late: true } }] }
const SET = { limit: 'unlimited', by: 'me' }
const ORG = {
  orgId: 'a',
  currentCount: 1,
  maxAllowed: 3,
  limitFrom: 'tier',
  tier: null,
  override: SET,
  assignedTier: null,
}
const OF_NODE = { name: 'n', phase: 'running', connections: 0, storeReachable: true, recoveryMs: 0, refusedLately: {} }
const STATS = { role: 'read', node: OF_NODE, store: 'embedded', cluster: { nodes: 1, connections: 0 } }

test.each([
  ['as a node gives it', 'nodes', NODES],
  ['as a node gives it', 'org', ORG],
  ['as a node gives it', 'stats', STATS],
  ['with names that could be read as numbers', 'org', { ...ORG, orgId: 'Infinity', tier: '-1e999' }],
  ['of a later version, with more', 'nodes', { nodes: [{ ...NODE, zone: [null] }], more: 1 }],
  ['of a later version, with another word', 'org', { ...ORG, limitFrom: 'platform' }],
  ['of an earlier version', 'stats', { ...STATS, node: { ...OF_NODE, refusedLately: undefined } }],
] as const)('an answer %s is one: %s', async (_name, name, answer) => {
  const text = JSON.stringify(answer)
  expect(await answerIn(text, name)).toEqual(JSON.parse(text))
})

const nodesWith = (told: object) => ({ nodes: [NODE, { ...NODE, ...told }] })

test.each([
  ['nodes', {}],
  ['nodes', [NODES]],
  ['nodes', { nodes: {} }],
  ['nodes', { nodes: [NODE, null] }],
  ['nodes', { nodes: [NODE, {}] }],
  ['nodes', nodesWith({ lease: '1' })],
  ['nodes', nodesWith({ startedAt: null })],
  ['nodes', nodesWith({ leases: {} })],
  ['nodes', nodesWith({ settings: [] })],
  ['nodes', nodesWith({ settings: { leaseTtlMs: {} } })],
  ['org', { ...ORG, orgId: undefined }],
  ['org', { ...ORG, maxAllowed: 'many' }],
  ['org', { ...ORG, limitFrom: 5 }],
  ['org', { ...ORG, tier: 5 }],
  ['org', { ...ORG, override: {} }],
  ['stats', { ...STATS, node: null }],
  ['stats', { ...STATS, node: { ...OF_NODE, refusedLately: null } }],
  ['stats', { ...STATS, node: { ...OF_NODE, refusedLately: { FULL: 'x' } } }],
] as const)('what lacks something, or has another kind of it, is no answer: %s, %j', async (name, answer) => {
  expect(await answerIn(JSON.stringify(answer), name)).toBeUndefined()
})

test.each(['', '{', 'null', '{"__proto__":{"nodes":[]}}', JSON.stringify(NODES).replace('9000', '1e999')])(
  'nor is what only looks like one: %s',
  async (text) => {
    expect(await answerIn(text, 'nodes')).toBeUndefined()
  },
)
