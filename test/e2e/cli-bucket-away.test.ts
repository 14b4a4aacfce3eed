import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { StatsAnswer } from '../../src/admin/answers.js'
import { operate } from '../support/operator.js'

const LEASE = { lease: 7, connections: 3, leaseExpiresInMs: 9_000, heartbeatAgeMs: 100, late: false }

/** A node of whatever version that says this of itself and of its cluster. */
async function nodeThatSays(own: Partial<StatsAnswer['node']>, away: object = {}): Promise<string> {
  const node = { name: 'b', phase: 'running', connections: 3, storeReachable: false, recoveryMs: 0, refusedLately: {} }
  const cluster = { nodes: 1, connections: 3 }
  const answers: Record<string, object> = {
    orgs: { orgs: [], nextCursor: null, ...away },
    nodes: { nodes: [{ name: 'b', ...LEASE }], ...away },
    refusals: { refusals: [], nextCursor: null, of: 'node' },
    stats: { role: 'admin', node: { ...node, ...own }, store: 'redis+cluster://h', cluster, ...away },
  }
  const server = createServer((request, response) => {
    const [, name = ''] = /^\/admin\/v1\/(\w+)/.exec(request.url ?? '') ?? []
    response.end(JSON.stringify(answers[name]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([
  [
    'some that others reach',
    { bucketsAway: [3, 9], buckets: 16 },
    {},
    'does not reach 2 of 16 buckets',
    ['BUCKET_AWAY'],
  ],
  ['all', { bucketsAway: [0, 1], buckets: 2 }, {}, 'does not reach the store', ['NODE_WITHOUT_STORE']],
  ['its store, of a version that says no more', {}, {}, 'does not reach the store', ['NODE_WITHOUT_STORE']],
  [
    'one that nobody reaches, and one that others do',
    { bucketsAway: [3, 9], buckets: 16 },
    { bucketsAway: [9], buckets: 16 },
    '1 of 16 buckets away; the node that was asked does not reach 1 of 16 buckets',
    ['BUCKET_AWAY'],
  ],
])('a node that does not reach %s is CRITICAL to check, and doctor says which', async (_, own, away, words, codes) => {
  const env = { HEADCOUNT_ADMIN_URL: await nodeThatSays(own, away) }
  expect(await operate(['check'], env)).toMatchObject({ code: 2, stdout: expect.stringContaining(words) })
  const { findings } = JSON.parse((await operate(['doctor', '--json'], env)).stdout) as { findings: { code: string }[] }
  expect([...new Set(findings.map(({ code }) => code))]).toEqual(codes)
  expect(findings).toHaveLength(codes[0] === 'BUCKET_AWAY' ? 2 : 1)
})
