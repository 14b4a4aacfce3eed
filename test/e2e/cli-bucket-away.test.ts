import { expect, test } from 'vitest'
import { operate } from '../support/operator.js'
import { nodeThatSays } from '../support/told-node.js'

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
  const env = { HEADCOUNT_ADMIN_URL: await nodeThatSays({ own: { storeReachable: false, ...own }, away }) }
  expect(await operate(['check'], env)).toMatchObject({ code: 2, stdout: expect.stringContaining(words) })
  const { findings } = JSON.parse((await operate(['doctor', '--json'], env)).stdout) as { findings: { code: string }[] }
  expect([...new Set(findings.map(({ code }) => code))]).toEqual(codes)
  expect(findings).toHaveLength(codes[0] === 'BUCKET_AWAY' ? 2 : 1)
})
