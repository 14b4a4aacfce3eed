import { describe, expect, test } from 'vitest'
import { backoffMs, latestRenewalMs, renewPauseMs } from '../../src/node/lease/pace.js'
import { SHORT } from '../support/cluster.js'

const R = SHORT.renewIntervalMs
const at = (random: number) => ({ timing: SHORT, random: () => random })

describe('the next renewal', () => {
  test.each([
    [0, 0.9 * R],
    [0.5, R],
    [1, 1.1 * R],
  ])('comes after R, a tenth more or less: at %d of the dice', (random, ms) => {
    expect(renewPauseMs(at(random), 0)).toBeCloseTo(ms)
    expect(latestRenewalMs(SHORT)).toBeGreaterThanOrEqual(renewPauseMs(at(random), 0))
  })

  test('comes just after a recovery ends, where that is sooner', () => {
    expect(renewPauseMs(at(0.5), R / 2)).toBe(R / 2 + 20)
    expect(renewPauseMs(at(0.5), 10 * R)).toBe(R)
  })

  test('never comes at once, however little the store says is left', () => {
    const slow = { timing: { ...SHORT, renewIntervalMs: 3_000 }, random: () => 0.5 }
    expect(renewPauseMs(slow, 1)).toBe(200)
    expect(renewPauseMs(at(0.5), 1)).toBe(21)
  })
})

test('the pause between tries doubles from 25 ms on, up to R, and half of it is for the dice', () => {
  expect([2, 3, 4].map((failures) => backoffMs(at(1), failures))).toEqual([25, 50, 100])
  expect([2, 3, 4].map((failures) => backoffMs(at(0), failures))).toEqual([12.5, 25, 50])
  expect(backoffMs(at(1), 50)).toBe(R)
})
