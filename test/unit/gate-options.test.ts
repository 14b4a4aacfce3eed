import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { Gate } from '../../src/gate/gate.js'
import { GATE_DEFAULTS, type GateOptions, resolveGateOptions } from '../../src/gate/gate-options.js'
import { ownSockets } from '../../src/gate/ws-gate.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { identifyByKey } from '../support/gate-server.js'
import { codeOf } from '../support/thrown.js'

const needed = { admitter: new CountingAdmitter(), identify: identifyByKey, sockets: ownSockets(systemClock) }
/** As a program without types says them. */
const given = (options: Record<string, unknown>) => ({ ...needed, ...options }) as GateOptions

describe('options of a gate', () => {
  test('that are absent or undefined are the defaults', () => {
    const nothing = Object.fromEntries(Object.keys(GATE_DEFAULTS).map((name) => [name, undefined]))
    for (const options of [{}, nothing]) {
      expect(resolveGateOptions(given(options))).toEqual({ ...GATE_DEFAULTS, ...needed })
      new Gate(given(options)).destroy()
    }
    new Gate(given({ rates: { perAddress: undefined, perKey: undefined, perNode: undefined } })).destroy()
    expect(resolveGateOptions(given({ ...nothing, maxConnections: 7 })).maxConnections).toBe(7)
  })

  const timeouts = ['upgradeTimeoutMs', 'pongTimeoutMs', 'closeTimeoutMs'].flatMap((name) =>
    [0, -1, Number.NaN, Number.POSITIVE_INFINITY, null, '30s'].map((value) => [name, value, 'INVALID_SETTINGS']),
  )
  const counts = ['maxConnections', 'maxPendingUpgrades'].flatMap((name) =>
    [-1, 1.5, Number.NaN, null, '100'].map((value) => [name, value, 'INVALID_LIMIT']),
  )
  test.each([
    ...timeouts,
    ...counts,
    ['pongTimeoutMs', 30, 'INVALID_SETTINGS'],
    ['reject', 'Http', 'INVALID_SETTINGS'],
  ])('%s of %o is none', (name, value, code) => {
    expect(codeOf(() => new Gate(given({ [name as string]: value })).destroy())).toBe(code)
  })

  test('that are none are named, with what is accepted', () => {
    expect(() => resolveGateOptions(given({ pongTimeoutMs: Number.NaN }))).toThrow(
      'pongTimeoutMs is a finite time from 100 ms, not NaN',
    )
    expect(() => resolveGateOptions(given({ reject: 'Http' }))).toThrow(
      'reject is one of http, close, auto, not "Http"',
    )
    expect(() => resolveGateOptions(given({ reject: 1n }))).toThrow('reject is one of http, close, auto, not 1n')
  })
})
