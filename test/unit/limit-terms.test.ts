import { describe, expect, test } from 'vitest'
import { type SetTerms, storedTerms } from '../../src/node/limit-terms.js'
import { checkOnLowered, onLoweredIn } from '../../src/node/on-lowered.js'
import { ManualClock } from '../support/manual-clock.js'
import { codeOf } from '../support/thrown.js'

const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000
const clock = new ManualClock(1_000, Date.UTC(2030, 0, 1))

function stored(terms: SetTerms) {
  const { details, ...rest } = storedTerms(terms, clock)
  return { ...rest, details: JSON.parse(details!) as object }
}

const refused = (terms: object) => codeOf(() => storedTerms(terms as SetTerms, clock))

describe('the terms of a limit', () => {
  test('without any, only when it was set is kept, for good', () => {
    expect(stored({})).toStrictEqual({ kind: 'override', details: { setAt: '2030-01-01T00:00:00.000Z' } })
  })

  test('are all kept as they were given', () => {
    const terms = { kind: 'tier', tier: 'gold', note: 'paid', by: 'kim', onLowered: 'newest', forMs: 1_500.5 } as const
    expect(stored(terms)).toStrictEqual({
      kind: 'tier',
      expiresInMs: 1_501,
      details: {
        ...{ tier: 'gold', note: 'paid', by: 'kim', onLowered: 'newest' },
        setAt: '2030-01-01T00:00:00.000Z',
        expiresAt: '2030-01-01T00:00:01.500Z',
      },
    })
  })

  test.each([1, TEN_YEARS_MS])('last for %d ms', (forMs) => {
    expect(stored({ forMs }).expiresInMs).toBe(forMs)
  })

  test.each([0, 0.5, -1, TEN_YEARS_MS + 1, Number.NaN, Number.POSITIVE_INFINITY])('never last for %d ms', (forMs) => {
    expect(refused({ forMs })).toBe('INVALID_TERMS')
  })

  test.each([
    ['note', 500],
    ['by', 128],
  ])('"%s" has up to %d characters', (name, most) => {
    expect(stored({ [name]: 'x'.repeat(most) }).details).toHaveProperty(name, 'x'.repeat(most))
    expect(refused({ [name]: 'x'.repeat(most + 1) })).toBe('INVALID_TERMS')
    expect(refused({ [name]: 7 })).toBe('INVALID_TERMS')
    expect(refused({ [name]: ['a'] })).toBe('INVALID_TERMS')
  })

  test('what becomes of a surplus is one of three words', () => {
    for (const word of ['keep', 'newest', 'oldest']) expect(codeOf(() => checkOnLowered(word))).toBeUndefined()
    for (const word of ['', 'Newest', 7, null]) expect(refused({ onLowered: word })).toBe('INVALID_TERMS')
  })
})

describe('what the details of a limit say of a surplus', () => {
  test.each(['keep', 'newest', 'oldest'])('%s is what was set', (onLowered) => {
    expect(onLoweredIn(JSON.stringify({ note: 'x', onLowered }))).toBe(onLowered)
  })

  test.each([undefined, '{}', '{"onLowered":"all"}', '7', 'null', 'not JSON'])('%s says nothing', (details) => {
    expect(onLoweredIn(details)).toBeUndefined()
  })
})
