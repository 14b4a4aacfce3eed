import { expect, test } from 'vitest'
import { operate } from '../support/operator.js'
import { nodeThatSays, type TellsOf } from '../support/told-node.js'

const HOUR_MS = 3_600_000

/** Two nodes, of which the second was started so long ago with another limit. */
function differing(agoMs: number): TellsOf {
  const startedAt = (ms: number) => new Date(Date.now() - ms).toISOString()
  const old = { name: 'a', startedAt: startedAt(9 * HOUR_MS), settings: { 'limits.org': 3 } }
  return { nodes: [old, { name: 'b', startedAt: startedAt(agoMs), settings: { 'limits.org': 5 } }] }
}

const refusal = { at: new Date().toISOString(), kind: 'refused' as const, code: 'IDENTITY_UNAVAILABLE', node: 'b' }

test.each([
  ['nothing', {}, 0, 'OK - 1 node holds'],
  ['a key file that cannot be used', { own: { keyFileUsable: false } }, 1, 'WARNING - the node that was asked cannot'],
  ['one that can', { own: { keyFileUsable: true } }, 0, 'OK'],
  ['settings that differ for long', differing(2 * HOUR_MS), 1, 'WARNING - nodes differ in WS_MAX_CONNECTIONS_PER_ORG'],
  ['settings that differ as in a deploy', differing(HOUR_MS / 2), 0, 'OK - 2 nodes hold'],
  [
    'strangers who cannot be known',
    { refusals: [refusal], own: { refusedLately: { IDENTITY_UNAVAILABLE: 1 } } },
    0,
    'OK',
  ],
] satisfies [string, TellsOf, number, string][])('check judges %s', async (_, told, code, words) => {
  const answer = await operate(['check'], { HEADCOUNT_ADMIN_URL: await nodeThatSays(told) })
  expect(answer).toMatchObject({ code, stdout: expect.stringContaining(`HEADCOUNT ${words}`) })
})

test('doctor names the node that cannot find out whose credentials are, IDENTITY_AWAY', async () => {
  const env = { HEADCOUNT_ADMIN_URL: await nodeThatSays({ own: { refusedLately: { IDENTITY_UNAVAILABLE: 4 } } }) }
  const { code, stdout } = await operate(['doctor'], env)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^warning IDENTITY_AWAY {2}b: 4 newcomers within a minute: IDENTITY_UNAVAILABLE$/m)
})

test.each([
  ['node', /^these are of the node that was asked alone/m],
  ['cluster', /^headcount why ID explains one\n$/m],
] as const)('refusals says whose they are: of the %s', async (of, words) => {
  const { stdout } = await operate(['refusals'], {
    HEADCOUNT_ADMIN_URL: await nodeThatSays({ refusals: [refusal], of }),
  })
  expect(stdout).toMatch(words)
  expect(stdout.includes('alone')).toBe(of === 'node')
})
