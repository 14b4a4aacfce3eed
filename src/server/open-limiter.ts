import { UsageError } from '../core/errors.js'
import { createLimiter, type Limiter } from '../limiter/limiter.js'
import type { LimiterOptions } from '../limiter/options.js'
import type { Config } from './config.js'
import { settings } from './config-settings.js'

/** The limiter that the configuration describes; it joins the others once the server listens. Throws `UsageError`. */
export function openLimiter(
  config: Config,
  tierOf: (org: string) => string | undefined,
  listening: Promise<void>,
): Limiter {
  const options: LimiterOptions = {
    startsWhen: listening,
    ...(config.redisUrl !== undefined && { redis: config.redisUrl }),
    limits: {
      org: config.maxConnectionsPerOrg,
      gateway: config.maxConnectionsPerGateway,
      instance: config.instanceLimit,
      address: config.maxConnectionsPerAddress,
      cluster: config.clusterMaxConnections,
      reserved: config.reserved,
      nearlyFullPercent: config.nearlyFullPercent,
      tiers: config.tiers.limits,
      tierOf,
    },
    leaseTtlMs: config.leaseTtlMs,
    renewIntervalMs: config.renewIntervalMs,
    storeTimeoutMs: config.storeTimeoutMs,
    probeTimeoutMs: config.probeTimeoutMs,
    policies: {
      onStoreDown: config.onStoreDown,
      storeDownTimeMs: config.storeDownTimeMs,
      onLeaseLost: config.onLeaseLost,
      orphanTimeMs: config.orphanTimeMs,
      onLimitLowered: config.onLimitLowered,
    },
    nodeName: config.nodeName,
    keyPrefix: config.keyPrefix,
    resumeSecret: config.resumeSecret,
  }
  try {
    return createLimiter(options)
  } catch (error) {
    if (!(error instanceof UsageError) || error.code !== 'INVALID_REDIS_URL') throw error
    // The library does not know what the setting is called here.
    throw new UsageError('INVALID_REDIS_URL', `${settings.redisUrl.name}: ${error.message}`)
  }
}
