import { describe, expect, test } from 'vitest'
import { DEFAULT_POLICIES, type Policies, resolvePolicies } from '../../src/core/policies.js'
import { resolveOptions } from '../../src/limiter/options.js'
import { codeOf } from '../support/thrown.js'

/** As a program without types says them. */
const given = (policies: Record<string, unknown>) => policies as Partial<Policies>

describe('policies', () => {
  test('that are absent or undefined are the defaults', () => {
    const nothing = Object.fromEntries(Object.keys(DEFAULT_POLICIES).map((name) => [name, undefined]))
    for (const policies of [undefined, {}, given(nothing)]) expect(resolvePolicies(policies)).toEqual(DEFAULT_POLICIES)
    expect(resolvePolicies(given({ ...nothing, onStoreDown: 'local' }))).toEqual({
      ...DEFAULT_POLICIES,
      onStoreDown: 'local',
    })
  })

  test.each<Partial<Policies>>([
    ...(['deny', 'local', 'allow'] as const).map((onStoreDown) => ({ onStoreDown })),
    ...(['rejoin', 'close'] as const).map((onLeaseLost) => ({ onLeaseLost })),
    ...(['keep', 'newest', 'oldest'] as const).map((onLimitLowered) => ({ onLimitLowered })),
    ...[0, 1, Number.POSITIVE_INFINITY].flatMap((ms) => [{ storeDownTimeMs: ms }, { orphanTimeMs: ms }]),
  ])('%o are what was said', (policies) => {
    expect(resolvePolicies(policies)).toEqual({ ...DEFAULT_POLICIES, ...policies })
  })

  test.each([
    [{ onStoreDown: 'Deny' }, 'policies.onStoreDown is one of deny, local, allow, not "Deny"'],
    [{ onStoreDown: null }, 'policies.onStoreDown is one of deny, local, allow, not null'],
    [{ onLeaseLost: 'Close' }, 'policies.onLeaseLost is one of rejoin, close, not "Close"'],
    [{ onLimitLowered: 'latest' }, 'policies.onLimitLowered is one of keep, newest, oldest, not "latest"'],
    [{ storeDownTimeMs: '5m' }, 'policies.storeDownTimeMs is a time from 0 ms, or Infinity, not "5m"'],
    [{ storeDownTimeMs: Number.NaN }, 'policies.storeDownTimeMs is a time from 0 ms, or Infinity, not NaN'],
    [{ storeDownTimeMs: -1 }, 'policies.storeDownTimeMs is a time from 0 ms, or Infinity, not -1'],
    [{ orphanTimeMs: Number.NaN }, 'policies.orphanTimeMs is a time from 0 ms, or Infinity, not NaN'],
    [{ orphanTimeMs: null }, 'policies.orphanTimeMs is a time from 0 ms, or Infinity, not null'],
  ])('%o are none', (slip, message) => {
    expect(() => resolvePolicies(given(slip))).toThrow(message)
    expect(codeOf(() => resolveOptions({ policies: given(slip) }))).toBe('INVALID_SETTINGS')
  })
})
