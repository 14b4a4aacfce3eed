import { describe, expect, test } from 'vitest'
import { readLimitBody } from '../../src/admin/limit-body.js'

const FORM = 'the body must be a JSON object, such as {"limit": 5} or {"tier": "paid"}'
const ONE_OF = 'either "limit" or "tier" must be given'
const LIMIT = '"limit" must be a whole number from 0, or "unlimited"'

describe('the body of a limit', () => {
  const nowMs = Date.UTC(2030, 0, 1)

  test.each<[object, object]>([
    [{ limit: 0 }, { limit: 0, terms: {} }],
    [
      { limit: 'unlimited', for: '1h' },
      { limit: Number.POSITIVE_INFINITY, terms: { forMs: 3_600_000 } },
    ],
    [
      { tier: 'paid', note: 'why', by: 'kim' },
      { tier: 'paid', terms: { note: 'why', by: 'kim' } },
    ],
    [
      { limit: 1, expiresAt: '2030-01-01T01:00:00+00:30' },
      { limit: 1, terms: { forMs: 1_800_000 } },
    ],
  ])('%j', (body, change) => {
    expect(readLimitBody(body, nowMs)).toEqual(change)
  })

  test.each<[unknown, string]>([
    [undefined, FORM],
    [null, FORM],
    [[], FORM],
    ['5', FORM],
    [{}, ONE_OF],
    [{ for: '1h' }, ONE_OF],
    [{ limit: 1, tier: 'a' }, ONE_OF],
    [{ limit: -1 }, LIMIT],
    [{ limit: 1.5 }, LIMIT],
    [{ limit: 1e99 }, LIMIT],
    [{ limit: null }, LIMIT],
    [{ limit: '5' }, LIMIT],
    [{ tier: null }, '"tier" must be text'],
    [{ limit: 1, for: '1 hour' }, '"for" takes a duration above 0 with its unit, such as "1h", not "1 hour"'],
    [{ limit: 1, for: '1' }, '"for" takes a duration above 0 with its unit, such as "1h", not "1"'],
    [{ limit: 1, for: '0s' }, '"for" takes a duration above 0 with its unit, such as "1h", not "0s"'],
    [{ limit: 1, for: 60 }, '"for" must be text'],
    [{ limit: 1, for: '1h', expiresAt: '2031-01-01T00:00:00Z' }, '"for" and "expiresAt" must not be given both'],
    [{ limit: 1, expiresAt: '2029-12-31T23:59:59Z' }, '"expiresAt" must be a time to come, not 2029-12-31T23:59:59Z'],
    [{ limit: 1, expiresAt: 'soon' }, '"expiresAt" must be a time in the form of RFC 3339'],
    [{ limit: 1, note: 7 }, '"note" must be text'],
    [{ limit: 1, by: [] }, '"by" must be text'],
    [{ limit: 1, onLowered: 'all' }, '"onLowered" must be "keep", "newest" or "oldest"'],
    [
      { limit: 1, until: 'x' },
      'the body must not have "until", but any of limit, tier, for, expiresAt, note, by, onLowered',
    ],
  ])('%j is none, and what is wrong with it is said', (body, problem) => {
    expect(readLimitBody(body, nowMs)).toEqual({ problem })
  })
})
