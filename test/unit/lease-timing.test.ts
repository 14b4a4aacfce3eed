import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { codeOf } from '../support/thrown.js'

const SHIPPED = { ttlMs: 15_000, renewIntervalMs: 3_000, callTimeoutMs: 250 }

describe('the times of a lease', () => {
  test('are those of the promises where nobody sets anything', () => {
    expect(leaseTiming(SHIPPED)).toEqual({
      ...SHIPPED,
      admissionTimeoutMs: 260,
      clockStepCapMs: 3_500,
      // T − cap − a thirtieth of T.
      trustMs: 11_000,
      lateAfterMs: 4_500,
      recoveryMs: 7_500,
      recoveryLimitMs: 18_000,
    })
  })

  test('under `close` the wait after a loss leaves D and the margin, even if a step of the clock eats its part', () => {
    const { recoveryMs, recoveryLimitMs, clockStepCapMs, trustMs } = leaseTiming({ ...SHIPPED, onLeaseLost: 'close' })
    expect(recoveryMs).toBe(15_000)
    expect(recoveryMs - clockStepCapMs).toBe(trustMs + 500)
    expect(recoveryLimitMs).toBe(18_000)
    expect(leaseTiming({ ...SHIPPED, onLeaseLost: 'rejoin' })).toEqual(leaseTiming(SHIPPED))
  })

  test('a short renewal allows a step of the clock twice as long, not half a second more', () => {
    const { clockStepCapMs, recoveryMs } = leaseTiming({ ttlMs: 1_500, renewIntervalMs: 200, callTimeoutMs: 250 })
    expect(clockStepCapMs).toBe(400)
    expect(recoveryMs).toBe(Math.ceil(400 + (4 / 3) * 200))
  })

  test('are whole milliseconds where a lease is no multiple of anything', () => {
    const timing = leaseTiming({ ttlMs: 9_999, renewIntervalMs: 1_001, callTimeoutMs: 99 })
    expect(timing.trustMs).toBe(Math.floor(9_999 - 1_501 - 9_999 / 30))
    expect(Object.values(timing).every(Number.isInteger)).toBe(true)
  })

  test('a renewal that is a fifth late and takes as long as a call may must fit the trust (R·1.2 + C < D)', () => {
    // D is 11,000 ms here, and R·1.2 is 3,600.
    expect(leaseTiming({ ...SHIPPED, callTimeoutMs: 7_399 }).trustMs).toBe(11_000)
    expect(codeOf(() => leaseTiming({ ...SHIPPED, callTimeoutMs: 7_400 }))).toBe('INVALID_SETTINGS')
    expect(() => leaseTiming({ ...SHIPPED, callTimeoutMs: 7_400 })).toThrow('15000 ms renewed every 3000 ms')
  })

  test.each([
    ['lease', { ttlMs: 0 }],
    ['lease', { ttlMs: Number.POSITIVE_INFINITY }],
    ['lease', { ttlMs: Number.NaN }],
    ['renewal', { renewIntervalMs: 0 }],
    ['renewal', { renewIntervalMs: -1 }],
    ['renewal', { renewIntervalMs: Number.NaN }],
    ['call', { callTimeoutMs: 0 }],
    ['call', { callTimeoutMs: -250 }],
    ['call', { callTimeoutMs: Number.NaN }],
  ])('a %s that is no time is refused: %j', (_, wrong) => {
    expect(() => leaseTiming({ ...SHIPPED, ...wrong })).toThrow(UsageError)
    expect(() => leaseTiming({ ...SHIPPED, ...wrong })).toThrow('finite times above 0')
  })
})
