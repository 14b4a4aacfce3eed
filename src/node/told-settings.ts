import { createHash, createHmac } from 'node:crypto'
import { shownLimit } from '../core/limits.js'
import { resolvePolicies } from '../core/policies.js'
import type { Reserve } from '../core/reserve.js'
import type { Tiers } from '../core/tiers.js'
import type { LimiterNodeOptions } from './node-options.js'
import { PROBE_TIMEOUT_MS } from './probing/probing.js'

/** By the names of the library's options. */
export type ToldSettings = Readonly<Record<string, string | number | boolean>>

type Told = Pick<
  LimiterNodeOptions,
  'timing' | 'connectionsPerOrg' | 'tiers' | 'limits' | 'policies' | 'probeTimeoutMs' | 'resumeSecret'
>

const NAME = /^[a-z][\w.]{0,63}$/i
const MOST_SETTINGS = 64
/** All nodes are read whenever somebody looks at them, and 100 tiers may have some 7,000 characters. */
const LONGEST = 256
const DIGITS = 8

/**
 * What must be the same on all nodes of a cluster, or what an org may hold, and what becomes of its connections, depends
 * on the node that they come to.
 *
 * Left out is what may differ by where a node runs (how many connections it takes, its way to the store and how long
 * it waits for that), what a gate is told, of which a process may have several, and what no two nodes of a cluster can
 * have differently: prefix and number of buckets.
 */
export function toldSettings(options: Told): ToldSettings {
  const { timing, connectionsPerOrg, tiers, limits = {}, probeTimeoutMs = PROBE_TIMEOUT_MS, resumeSecret } = options
  const { gateway, address, cluster } = limits
  const limit = (most = Number.POSITIVE_INFINITY) => shownLimit(most)
  const policies = Object.entries(resolvePolicies(options.policies))
  return {
    'limits.org': limit(connectionsPerOrg),
    ...(tiers && { 'limits.tiers': tiersTold(tiers) }),
    'limits.reserved': reserveTold(limits.reserved),
    'limits.gateway': limit(gateway),
    'limits.instance': limits.instance ?? false,
    'limits.address': limit(address),
    'limits.cluster': limit(cluster),
    leaseTtlMs: timing.ttlMs,
    renewIntervalMs: timing.renewIntervalMs,
    probeTimeoutMs,
    ...Object.fromEntries(policies.map(([name, value]) => [`policies.${name}`, shownLimit(value)])),
    resumeSecret: resumeSecret ? `digest ${digestOf(resumeSecret)}` : 'kept in the store',
  }
}

/** As far as they can be settings: somebody else may have written them. `undefined` where none is. */
export function readSettings(told: unknown): ToldSettings | undefined {
  if (typeof told !== 'object' || told === null) return undefined
  const sound = Object.entries(told).filter(([name, value]) => NAME.test(name) && isValue(value))
  return sound.length > 0 ? Object.fromEntries(sound.slice(0, MOST_SETTINGS)) : undefined
}

function isValue(value: unknown): boolean {
  return typeof value === 'string' ? value.length <= LONGEST : typeof value === 'boolean' || Number.isFinite(value)
}

/** In one order, as they count for the same in any. */
function tiersTold(tiers: Tiers): string {
  const each = tiers.names.map((name) => `${name}=${shownLimit(tiers.limitOf(name))}`)
  const all = each.sort().join(',')
  if (all.length <= LONGEST) return all
  return `${each.length} tiers, digest ${createHash('sha256').update(all).digest('hex').slice(0, DIGITS)}`
}

function reserveTold(reserve: Reserve = { slots: 0 }): number | string {
  return 'slots' in reserve ? reserve.slots : `${reserve.percent}%`
}

/**
 * Tells two secrets apart and no more: each resume token that a client is given is a better touchstone for a guess. What
 * is signed here is no JSON, as in tokens, so this is never the beginning of one's signature.
 */
function digestOf(secret: string): string {
  return createHmac('sha256', secret).update('told settings').digest('hex').slice(0, DIGITS)
}
