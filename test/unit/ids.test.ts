import { describe, expect, test } from 'vitest'
import { ConnectionIds } from '../../src/core/connection-id.js'
import { LEASE_LIMIT, newEpoch, newLease } from '../../src/core/ids.js'
import { checkLimit, shownLimit } from '../../src/core/limits.js'
import { checkName, checkOrg, idProblem } from '../../src/core/org-id.js'
import { refusalOfScope } from '../../src/core/scopes.js'

const MANY = 2_000

const misuse = (code: string, message: string) => expect.objectContaining({ code, message })

describe('ids of our own', () => {
  test('leases are whole numbers from 1 to below 2^46, spread over all of it', () => {
    const leases = Array.from({ length: MANY }, newLease)
    expect(leases.every((lease) => Number.isSafeInteger(lease) && lease >= 1 && lease < LEASE_LIMIT)).toBe(true)
    expect(new Set(leases).size).toBe(MANY)
    const upper = leases.filter((lease) => lease >= LEASE_LIMIT / 2).length
    expect(upper / MANY).toBeGreaterThan(0.4)
    expect(upper / MANY).toBeLessThan(0.6)
  })

  test('an epoch is twelve hexadecimal digits, each time others', () => {
    expect(newEpoch()).toMatch(/^[0-9a-f]{12}$/)
    expect(newEpoch()).not.toBe(newEpoch())
  })

  test('a connection is its lease and a counter, short', () => {
    const ids = new ConnectionIds()
    expect(ids.next(36)).toBe('10-0')
    for (let i = 1; i < 35; i++) ids.next(36)
    expect(ids.next(36)).toBe('10-z')
    expect(ids.next(37), 'no count comes twice, whatever the lease').toBe('11-10')
  })
})

describe('ids of others', () => {
  test.each(['a', 'x'.repeat(256), '{0}', 'a\r\nb', '\0', '😀', '__proto__', '...', 'ä'])('%j is one', (id) => {
    expect(idProblem(id)).toBeUndefined()
    expect(() => checkOrg(id)).not.toThrow()
    expect(() => checkName('gateway', id)).not.toThrow()
  })

  test.each([
    [undefined, 'must be text'],
    [3, 'must be text'],
    ['', 'must not be empty'],
    ['x'.repeat(257), 'must have at most 256 characters, it has 257'],
    ['.', 'must not be "." or ".."'],
    ['..', 'must not be "." or ".."'],
    ['a\ud800', 'must not contain a lone surrogate'],
  ])('%j is none, and it is said why', (id, problem) => {
    expect(idProblem(id)).toBe(problem)
    expect(() => checkOrg(id)).toThrow(misuse('INVALID_ORG', `the org id ${problem}`))
    expect(() => checkName('gateway', id)).toThrow(misuse('INVALID_SCOPES', `the gateway ${problem}`))
  })
})

describe('limits', () => {
  test.each([0, 1, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY])('%d is one', (limit) => {
    expect(() => checkLimit(limit)).not.toThrow()
  })

  test.each([-1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53])('%d is none', (limit) => {
    const message = `a limit is a whole number from 0, or Infinity, not ${limit}`
    expect(() => checkLimit(limit)).toThrow(misuse('INVALID_LIMIT', message))
  })

  test('are shown as they are; what has no end, in a word', () => {
    expect([0, 7, undefined, Number.POSITIVE_INFINITY].map(shownLimit)).toEqual([0, 7, undefined, 'unlimited'])
  })
})

describe('who finds a scope full', () => {
  test.each([
    ['org', 'ORG_CONNECTION_LIMIT_EXCEEDED'],
    ['instance', 'INSTANCE_CONNECTION_LIMIT_EXCEEDED'],
    ['gateway', 'GATEWAY_CONNECTION_LIMIT_EXCEEDED'],
    ['address', 'ADDRESS_CONNECTION_LIMIT_EXCEEDED'],
    ['cluster', 'CLUSTER_CAPACITY_EXCEEDED'],
  ])('that of the %s, is told %s', (name, code) => {
    expect(refusalOfScope(name)).toBe(code)
  })
})
