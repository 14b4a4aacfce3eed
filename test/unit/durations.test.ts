import { describe, expect, test } from 'vitest'
import { formatDuration, parseDurationMs } from '../../src/core/durations.js'

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['15s', 15_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['0ms', 0],
    [' 2s ', 2_000],
    ['0.0004s', 0],
    ['0.0005s', 1],
    ['999999999999ms', 999_999_999_999],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms)
  })

  test.each([
    '',
    '5',
    '1.5',
    '-1s',
    '1 s',
    '1S',
    '1d',
    's',
    '.5s',
    '1.s',
    '1.1234567s',
    '1234567890123ms',
    '1s2s',
    'x1s',
    '1sx',
  ])('%j is none', (text) => {
    expect(parseDurationMs(text)).toBeUndefined()
  })

  test('a number alone counts in the unit that history has decided on, where it has', () => {
    expect(parseDurationMs('30', 's')).toBe(30_000)
    expect(parseDurationMs('30', 'ms')).toBe(30)
    expect(parseDurationMs('30m', 's')).toBe(1_800_000)
    expect(parseDurationMs('', 's')).toBeUndefined()
  })

  test.each([
    [3_600_000, '1h'],
    [7_200_000, '2h'],
    [5_400_000, '90m'],
    [60_000, '1m'],
    [61_000, '61s'],
    [1_000, '1s'],
    [1_001, '1001ms'],
    [0, '0ms'],
  ])('%d ms are told as %j, which is read as the same', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
    expect(parseDurationMs(text)).toBe(ms)
  })
})
