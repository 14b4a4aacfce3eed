import { expect, onTestFinished, test } from 'vitest'
import { GATE_DEFAULTS } from '../../src/gate/gate-options.js'
import { LIMITER_DEFAULTS, resolveOptions } from '../../src/limiter/options.js'
import { loadConfig } from '../../src/server/config.js'

/** The settings stand as texts in their table, for people, and once more as values in the library. */
function bothDefaults() {
  const loaded = loadConfig({ argv: [], env: {} })
  if (!loaded.ok) throw new Error('the defaults do not load')
  const library = resolveOptions({})
  onTestFinished(() => library.store.close())
  return { config: loaded.config, library }
}

test('a server that is told nothing has the defaults of the library', () => {
  const { config, library } = bothDefaults()
  const { timing, policies } = library
  expect({
    maxConnectionsPerOrg: config.maxConnectionsPerOrg,
    tiers: config.tiers.limits,
    nearlyFullPercent: config.nearlyFullPercent,
    instanceLimit: config.instanceLimit,
    leaseTtlMs: config.leaseTtlMs,
    renewIntervalMs: config.renewIntervalMs,
    storeTimeoutMs: config.storeTimeoutMs,
    probeTimeoutMs: config.probeTimeoutMs,
    keyPrefix: config.keyPrefix,
    drainTimeMs: config.drainTimeMs,
    onStoreDown: config.onStoreDown,
    storeDownTimeMs: config.storeDownTimeMs,
    onLeaseLost: config.onLeaseLost,
    orphanTimeMs: config.orphanTimeMs,
    onLimitLowered: config.onLimitLowered,
    connectionTimeoutMs: config.connectionTimeoutMs,
    reject: config.reject,
    trustedProxies: config.trustedProxies ?? '',
    resumeSecret: config.resumeSecret,
  }).toEqual({
    maxConnectionsPerOrg: library.connectionsPerOrg,
    tiers: library.tiers.limits,
    nearlyFullPercent: library.nearlyFullPercent,
    instanceLimit: library.limits.instance,
    leaseTtlMs: timing.ttlMs,
    renewIntervalMs: timing.renewIntervalMs,
    storeTimeoutMs: timing.callTimeoutMs,
    probeTimeoutMs: library.probeTimeoutMs,
    keyPrefix: LIMITER_DEFAULTS.keyPrefix,
    drainTimeMs: LIMITER_DEFAULTS.drainTimeMs,
    ...policies,
    connectionTimeoutMs: GATE_DEFAULTS.pongTimeoutMs,
    reject: GATE_DEFAULTS.reject,
    trustedProxies: GATE_DEFAULTS.trustedProxies,
    resumeSecret: library.resumeSecret,
  })
})

test('and what it limits beside an org is what the library limits where nothing is said', () => {
  const { config, library } = bothDefaults()
  const { maxConnectionsPerGateway, maxConnectionsPerAddress, clusterMaxConnections, reserved } = config
  const unlimited = [maxConnectionsPerGateway, maxConnectionsPerAddress, clusterMaxConnections]
  expect(unlimited).toEqual(Array(3).fill(Number.POSITIVE_INFINITY))
  expect(reserved).toEqual({ slots: 0 })
  expect(library.limits).toEqual({ instance: true })
})

test('a node without a name has one of the same form, and another at each start', () => {
  const names = [bothDefaults(), bothDefaults()].flatMap(({ config, library }) => [config.nodeName, library.name])
  for (const name of names) expect(name).toMatch(/^.+#[0-9a-f]{6}$/)
  expect(new Set(names).size).toBe(4)
})
