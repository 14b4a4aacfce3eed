import { describe, expect, test } from 'vitest'
import { type Differing, settingDifferences } from '../../src/cli/cluster/differences.js'
import { judgeSettings } from '../../src/cli/doctor/judge-settings.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { Tiers } from '../../src/core/tiers.js'
import { decodeNodeInfo, encodeNodeInfo } from '../../src/node/node-info.js'
import { settingsList } from '../../src/server/config-settings.js'
import { ManualClock } from '../support/manual-clock.js'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const ago = (ms: number) => new Date(Date.now() - ms).toISOString()

/** A node that has been up for so long. */
function up(name: string, ms: number, told: Partial<Differing> = {}): Differing {
  return { name, leaseExpiresInMs: 9_000, startedAt: ago(ms), version: '1.0.0', ...told }
}
const limited = (name: string, ms: number, org: number) => up(name, ms, { settings: { 'limits.org': org } })

describe('whether nodes have the same settings', () => {
  test('those that have are sound, and so is none, one, or one that tells nothing', () => {
    expect(judgeSettings([])).toEqual([])
    expect(judgeSettings([limited('a', DAY_MS, 3)])).toEqual([])
    expect(judgeSettings([limited('a', DAY_MS, 3), limited('b', 0, 3)])).toEqual([])
    expect(judgeSettings([limited('a', DAY_MS, 3), up('b', DAY_MS)])).toEqual([])
  })

  test('a node that a deploy has forgotten is named, with the value of the others and since when', () => {
    const nodes = [limited('old', 10 * DAY_MS, 3), limited('c', 3 * DAY_MS, 5), limited('b', MINUTE_MS, 5)]
    expect(judgeSettings(nodes)).toEqual([
      {
        code: 'SETTINGS_DIFFER',
        subject: 'WS_MAX_CONNECTIONS_PER_ORG (limits.org)',
        detail: '5 on b, c; 3 on old; for 3 d',
      },
    ])
  })

  test('a deploy that is under way is no fault, however long the old nodes have been there', () => {
    const nodes = [limited('a', 10 * DAY_MS, 3), limited('b', 10 * DAY_MS, 3), limited('c', 10 * MINUTE_MS, 5)]
    const [found, ...others] = judgeSettings(nodes)
    expect(others).toEqual([])
    expect(found).toMatchObject({ code: 'SETTINGS_CHANGING', detail: '3 on a, b; 5 on c; for 10 min' })
  })

  test.each([
    [59 * MINUTE_MS, 'SETTINGS_CHANGING'],
    [60 * MINUTE_MS, 'SETTINGS_DIFFER'],
  ])('a deploy is over after an hour: %i ms', (ms, code) => {
    expect(judgeSettings([limited('a', DAY_MS, 3), limited('b', ms, 5)])).toMatchObject([{ code }])
  })

  test('a new deploy does not make a difference young that was there before it', () => {
    const nodes = [limited('a', 10 * DAY_MS, 3), limited('b', 3 * DAY_MS, 5), limited('c', 0, 8)]
    expect(judgeSettings(nodes)).toMatchObject([{ code: 'SETTINGS_DIFFER' }])
  })

  test('whoever does not say when it started, or says what is no time, may have been there always', () => {
    const lost = { ...limited('lost', 0, 3), startedAt: undefined }
    expect(judgeSettings([lost, limited('b', 0, 5)])).toMatchObject([{ code: 'SETTINGS_CHANGING' }])
    expect(judgeSettings([lost, limited('b', DAY_MS, 5)])).toMatchObject([{ code: 'SETTINGS_DIFFER' }])
    const both = [lost, { ...limited('b', 0, 5), startedAt: 'yesterday' }]
    expect(judgeSettings(both)).toMatchObject([{ code: 'SETTINGS_DIFFER', detail: '5 on b; 3 on lost' }])
  })

  test('a lease that has lapsed decides nothing', () => {
    const dead = { ...limited('dead', DAY_MS, 3), leaseExpiresInMs: 0 }
    expect(judgeSettings([dead, limited('b', DAY_MS, 5)])).toEqual([])
  })

  test('a node with a lease in each bucket is one; of many some are named', () => {
    const many = Array.from({ length: 5 }, (_, i) => limited(`n${i}`, DAY_MS, 5))
    const [found] = judgeSettings([...many, ...many, limited('old', DAY_MS, 3)])
    expect(found?.detail).toBe('5 on n0, n1, n2 and 2 more; 3 on old; for 24 h')
  })

  test('what only another version knows is compared by its own name, and no name means more than itself', () => {
    const odd = (name: string, settings: Differing['settings']) => up(name, DAY_MS, { settings })
    expect(judgeSettings([odd('a', { newer: 1 }), odd('b', { newer: 2 }), odd('c', {})])).toMatchObject([
      { subject: 'newer', detail: '1 on a; 2 on b; for 24 h' },
    ])
    expect(judgeSettings([odd('a', { constructor: 'x' }), odd('b', {})])).toEqual([])
  })

  test('versions that differ are advice; one that is not told is another', () => {
    expect(
      judgeSettings([up('a', DAY_MS), up('b', 0, { version: '2.0.0' }), up('c', 0, { version: undefined })]),
    ).toEqual([
      {
        ...{ code: 'VERSIONS_DIFFER', subject: '' },
        detail: expect.stringMatching(/^1\.0\.0 on a; 2\.0\.0 on b; one that is not told on c; for [\d.]+ s$/),
      },
    ])
  })
})

test('every setting that a node tells has a variable of the server', () => {
  const clock = new ManualClock()
  const timing = (ttlMs: number, renewIntervalMs: number) => leaseTiming({ ttlMs, renewIntervalMs, callTimeoutMs: 250 })
  const bare = { name: 'a', clock, timing: timing(15_000, 3_000), connectionsPerOrg: 3, tiers: new Tiers({ a: 1 }) }
  const other: Parameters<typeof encodeNodeInfo>[0] = {
    ...{ name: 'b', clock, timing: timing(20_000, 2_000), connectionsPerOrg: 5, tiers: new Tiers({ a: 2 }) },
    limits: { reserved: { slots: 1 }, gateway: 1, instance: true, address: 1, cluster: 1 },
    ...{ probeTimeoutMs: 0, resumeSecret: 'a secret of operators' },
    policies: {
      onStoreDown: 'allow',
      storeDownTimeMs: 1,
      onLeaseLost: 'close',
      orphanTimeMs: 1,
      onLimitLowered: 'newest',
    },
  }
  const nodes = [bare, other].map((each) => {
    return up(each.name, 0, { settings: decodeNodeInfo(encodeNodeInfo(each)).settings })
  })
  const named = [...settingDifferences(nodes).keys()].map((name) => /^(\w+) \([\w.]+\)$/.exec(name)?.[1])
  expect(named).toHaveLength(Object.keys(nodes[0]!.settings!).length)
  const variables = settingsList.map(({ name }) => name)
  for (const name of named) expect(variables).toContain(name)
})
