import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, setLimit, startFleet } from '../support/fleet.js'
import { leakGate } from '../support/leak-gate.js'
import { startServer } from '../support/processes.js'
import { playRounds } from '../support/rounds.js'
import { until } from '../support/until.js'

const ORGS = Array.from({ length: 30 }, (_, i) => `org-${i}`)
/** From 1 to 50, both included. */
const LIMITS = ORGS.map((_, i) => 1 + Math.round((i * 49) / (ORGS.length - 1)))

describe('S1: three nodes on one Redis are exact', () => {
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet({ orgs: ['acme', ...ORGS] })
  })
  afterAll(() => fleet?.stop())
  leakGate({ prefix: () => fleet.books.keys.admission.replace(/admission$/, ''), redisUrl: () => fleet.redis.url })

  test('200 upgrades for one key at the same instant take exactly the free slots, round after round', async () => {
    const acme = { org: 'acme', key: fleet.keyOf('acme'), limit: 3, attempts: 200 }
    const rounds = 15
    const report = await playRounds({ urls: fleet.urls, books: fleet.books, contenders: [acme], rounds })
    expect(report.highestInRedis.get('acme')).toBe(3)
    // The faster the machine, the shorter a round and the fewer the looks; several fall into each all the same.
    expect(report.looks).toBeGreaterThan(3 * rounds)
    expect(report.refused).toBeGreaterThan(2_000)
  }, 120_000)

  test('30 orgs at once with limits from 1 to 50: every org is exact', async () => {
    await Promise.all(ORGS.map((org, i) => setLimit(fleet.nodes[i % 3]!, org, LIMITS[i]!)))
    const contenders = ORGS.map((org, i) => {
      return { org, key: fleet.keyOf(org), limit: LIMITS[i]!, attempts: LIMITS[i]! + 10 }
    })
    const report = await playRounds({ urls: fleet.urls, books: fleet.books, contenders, rounds: 3 })
    expect(ORGS.map((org) => report.highestInRedis.get(org))).toEqual(LIMITS)
  }, 120_000)

  test('no slot had to be found by an audit', () => {
    for (const node of fleet.nodes) expect(node.output()).not.toContain('differed; repaired')
  })
})

describe('the same rounds can fail', () => {
  leakGate()

  test('control: three nodes that share no store admit more than the limit', async () => {
    const env = { HEADCOUNT_LOG_LEVEL: 'warn' }
    const nodes = await Promise.all([1, 2, 3].map(() => startServer({ env })))
    const fleet = await startFleet({ count: 0 })
    try {
      const acme = { org: 'acme', key: 'demo-key-acme', limit: 3, attempts: 200 }
      const rounds = { urls: nodes.map((node) => node.url), books: fleet.books, contenders: [acme], rounds: 1 }
      await expect(playRounds(rounds)).rejects.toThrow('admitted of acme, limit 3')
      await until(async () => (await nodes[0]!.admin<{ orgs: unknown[] }>('/admin/v1/orgs')).orgs.length === 0)
    } finally {
      await Promise.all([...nodes.map((node) => node.stop()), fleet.stop()])
    }
  })
})
