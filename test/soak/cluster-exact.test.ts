import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, setLimit, startFleet } from '../support/fleet.js'
import { leakGate } from '../support/leak-gate.js'
import { playRounds } from '../support/rounds.js'

const ORGS = Array.from({ length: 30 }, (_, i) => `org-${i}`)
const LIMITS = ORGS.map((_, i) => 1 + Math.round((i * 49) / (ORGS.length - 1)))

describe('S1: three nodes on one Redis are exact, for as long as one likes', () => {
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet({ orgs: ['acme', ...ORGS] })
    await Promise.all(ORGS.map((org, i) => setLimit(fleet.nodes[i % 3]!, org, LIMITS[i]!)))
  })
  afterAll(() => fleet?.stop())
  leakGate({ prefix: () => fleet.books.keys.admission.replace(/admission$/, ''), redisUrl: () => fleet.redis.url })

  test('50 rounds of 200 upgrades for one key at the same instant', async () => {
    const acme = { org: 'acme', key: fleet.keyOf('acme'), limit: 3, attempts: 200 }
    const report = await playRounds({ urls: fleet.urls, books: fleet.books, contenders: [acme], rounds: 50 })
    expect(report.highestInRedis.get('acme')).toBe(3)
  })

  test('50 rounds of 30 orgs at once with limits from 1 to 50', async () => {
    const contenders = ORGS.map((org, i) => {
      return { org, key: fleet.keyOf(org), limit: LIMITS[i]!, attempts: LIMITS[i]! + 10 }
    })
    const report = await playRounds({ urls: fleet.urls, books: fleet.books, contenders, rounds: 50 })
    expect(ORGS.map((org) => report.highestInRedis.get(org))).toEqual(LIMITS)
  })

  test('no slot had to be found by an audit', () => {
    for (const node of fleet.nodes) expect(node.output()).not.toContain('differed; repaired')
  })
})
