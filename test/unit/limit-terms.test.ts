import { describe, expect, test } from 'vitest'
import { keptTerms, type SetTerms, storedTerms } from '../../src/node/limits/limit-terms.js'
import { checkOnLowered } from '../../src/node/limits/on-lowered.js'
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

  test.each([
    [{ for: 3_600_000 }, 'for is not an option; docs/library.md lists them'],
    [{ forMS: 3_600_000 }, 'forMS is not an option; did you mean forMs?'],
    [{ notes: 'x' }, 'notes is not an option; did you mean note?'],
  ])('%o are none: what was meant to end would stay for ever', (terms, message) => {
    expect(() => stored(terms as SetTerms)).toThrow(expect.objectContaining({ code: 'INVALID_TERMS', message }))
  })

  test('what becomes of a surplus is one of three words', () => {
    for (const word of ['keep', 'newest', 'oldest']) expect(codeOf(() => checkOnLowered(word))).toBeUndefined()
    for (const word of ['', 'Newest', 7, null]) expect(refused({ onLowered: word })).toBe('INVALID_TERMS')
  })
})

describe('what was kept of the terms', () => {
  test.each<SetTerms>([
    {},
    { note: 'paid', by: 'kim' },
    { kind: 'tier', tier: 'gold', onLowered: 'newest', forMs: 1_500 },
    { onLowered: 'keep' },
    { onLowered: 'oldest', note: '' },
  ])('is read as it was written: %j', (terms) => {
    expect(keptTerms(storedTerms(terms, clock).details!)).toStrictEqual(stored(terms).details)
  })

  test('that somebody else wrote is taken where it is what it should be, and nothing else is', () => {
    const [setAt, expiresAt] = ['2030-01-01T12:00:00+02:00', '2030-01-02T00:00:00.5Z']
    const sound = { by: 'kim', setAt, expiresAt }
    const details = { ...sound, tier: 7, note: { text: 'x' }, onLowered: 'all', limit: 99, more: 1 }
    expect(keptTerms(JSON.stringify(details))).toStrictEqual(sound)
    for (const time of ['soon', '2030', '2030-13-01T00:00:00Z', 1_900_000_000_000, null]) {
      expect(keptTerms(JSON.stringify({ setAt: time, expiresAt: time, by: ['kim'], note: null }))).toStrictEqual({})
    }
  })

  test.each(['', '{}', '7', 'null', '"text"', '[1,2]', '{"note":"x"', 'not JSON'])('is nothing of %j', (details) => {
    expect(keptTerms(details)).toStrictEqual({})
  })
})
