import { describe, expect, test } from 'vitest'
import { retryAfterMs, retryAfterSeconds, retryWhenProbedMs } from '../../src/core/retry-after.js'

const first = () => 0
/** The largest number below 1. */
const last = () => 1 - Number.EPSILON / 2

describe('how long a refused client should wait', () => {
  test('around five seconds where nothing is known, spread over half of it either way', () => {
    expect(retryAfterMs(undefined, first)).toBe(2_500)
    expect(retryAfterMs(undefined, () => 0.5)).toBe(5_000)
    expect(retryAfterMs(undefined, last)).toBe(7_500)
  })

  test('until a slot is free at the earliest, where that is known, and a second later at the latest', () => {
    expect(retryAfterMs(3_000, first)).toBe(3_000)
    expect(retryAfterMs(3_000, last)).toBe(4_000)
    expect(retryAfterMs(0, first)).toBe(0)
    expect(retryAfterMs(0, last)).toBe(1_000)
  })

  test('a long wait is spread over a quarter of it', () => {
    expect(retryAfterMs(12_000, first)).toBe(12_000)
    expect(retryAfterMs(12_000, last)).toBe(15_000)
  })

  test('is whole milliseconds, never less than what is left', () => {
    expect(retryAfterMs(10.2, first)).toBe(11)
    expect(retryWhenProbedMs(10.2, first)).toBe(11)
  })

  test('until silent holders have been asked, and half a second later at the latest', () => {
    expect(retryWhenProbedMs(1_000, first)).toBe(1_000)
    expect(retryWhenProbedMs(1_000, last)).toBe(1_500)
  })

  test.each([
    [0, 1],
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [7_500, 8],
  ])('%d ms are a header of %d s: an integer, never 0 (RFC 9110 §10.2.3)', (ms, seconds) => {
    expect(retryAfterSeconds(ms)).toBe(seconds)
  })
})
