import { systemClock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import { type LeaseTiming, leaseTiming } from '../core/lease-timing.js'
import { type Policies, resolvePolicies } from '../core/policies.js'
import { checkReserve, type Reserve } from '../core/reserve.js'
import { toldAtOnce } from '../core/tell.js'
import { Tiers } from '../core/tiers.js'
import type { ScopeLimits } from '../node/held/claim-of.js'
import { PROBE_TIMEOUT_MS } from '../node/probing/probing.js'
import type { BucketedStore } from '../store/bucketed-store.js'
import type { LeaseStore } from '../store/lease-store.js'
import { MemoryStore } from '../store/memory/store.js'
import { checkKeyPrefix } from '../store/redis/key-prefix.js'
import { openRedis } from '../store/redis/open.js'
import { checkOptions } from './known-options.js'
import { defaultNodeName } from './node-name.js'

export interface LimiterOptions {
  /**
   * Where the cluster's shared state lives: `redis://`, `rediss://`, `redis+sentinel://`, `rediss+sentinel://`,
   * `redis+cluster://`, `rediss+cluster://` or `redis+unix://`; docs/redis.md says how to set it up. Without it an
   * embedded store serves this limiter alone, with the same semantics.
   */
  readonly redis?: string | undefined
  /** A store of one's own making or sharing, instead of `redis`; whoever made it closes it. @internal */
  readonly store?: LeaseStore | undefined
  /** The node takes its lease once this has resolved; at once where absent. @internal */
  readonly startsWhen?: Promise<void> | undefined
  readonly limits?: {
    /** Connections of an org for which neither `admit` nor an operator says another; 3 where absent. */
    readonly org?: number | undefined
    /** Connections of one gateway of an org, for requests that name a gateway; no limit where absent. */
    readonly gateway?: number | undefined
    /**
     * Whether an instance of a gateway may hold one connection, for requests that name theirs: an older one is asked at
     * once whether it is still there, and makes room if it is not. True where absent; false without probes.
     */
    readonly instance?: boolean | undefined
    /**
     * Connections from one address (of IPv6: one /64), of all orgs together, for requests that name an address; no
     * limit where absent.
     */
    readonly address?: number | undefined
    /** Connections of all orgs over all processes that share the store; no limit where absent. */
    readonly cluster?: number | undefined
    /**
     * What of each org's limit only requests with `priority` may use: `{ slots: 2 }`, or `{ percent: 20 }` of whatever
     * the limit is, rounded down; nothing where absent.
     */
    readonly reserved?: Reserve | undefined
    /** From which percentage of an org's limit on `org.nearly_full` is emitted; 80 where absent. */
    readonly nearlyFullPercent?: number | undefined
    /** Limits by name, for requests and operators that name a tier; `{ free: 3, paid: 10 }` where absent. */
    readonly tiers?: Readonly<Record<string, number>> | undefined
    /** The tier of an org by its credentials, for what is shown of orgs; admissions bring theirs along. */
    readonly tierOf?: ((org: string) => string | undefined) | undefined
  }
  /** How long a dead node keeps its slots (T); 15 s where absent. */
  readonly leaseTtlMs?: number | undefined
  /** How often a node renews its lease (R); 3 s where absent. */
  readonly renewIntervalMs?: number | undefined
  /** Deadline of one store call, and of an admission that probes nobody (C); 250 ms where absent. */
  readonly storeTimeoutMs?: number | undefined
  /**
   * What a connection that was silent for longer than a ping interval has to answer a ping when its org (or another
   * limit) is full and somebody needs the slot, before it is cut off: up to 2,000 ms; 1,000 where absent, 0 to ask
   * none.
   */
  readonly probeTimeoutMs?: number | undefined
  /** What happens while the store or the lease is away; see `Policies`. */
  readonly policies?: { readonly [K in keyof Policies]?: Policies[K] | undefined } | undefined
  /** What operators see of this node: 1 to 128 characters; the host's name and a random part where absent. */
  readonly nodeName?: string | undefined
  /**
   * What resume tokens are signed with, the same in all processes: 16 to 512 characters. Where absent or empty the store
   * keeps one for them all, which it is given back by their nodes when it has lost its memory; if a new one comes first,
   * tokens from before count as none.
   */
  readonly resumeSecret?: string | undefined
  /** In front of every key in Redis; `hc:1:` where absent. */
  readonly keyPrefix?: string | undefined
}

/**
 * The one literal of the library's defaults; those of policies and of a gate stand beside theirs. A test holds the
 * server's settings against them.
 */
export const LIMITER_DEFAULTS = {
  connectionsPerOrg: 3,
  instance: true,
  nearlyFullPercent: 80,
  tiers: { free: 3, paid: 10 },
  leaseTtlMs: 15_000,
  renewIntervalMs: 3_000,
  storeTimeoutMs: 250,
  probeTimeoutMs: PROBE_TIMEOUT_MS,
  keyPrefix: 'hc:1:',
  drainTimeMs: 25_000,
} as const

export interface ResolvedOptions {
  readonly store: LeaseStore | BucketedStore
  /** Whether the store was made here, and is closed with the limiter. */
  readonly ownsStore: boolean
  readonly timing: LeaseTiming
  readonly connectionsPerOrg: number
  readonly limits: ScopeLimits
  readonly nearlyFullPercent: number
  readonly tiers: Tiers
  readonly tierOf: (org: string) => string | undefined
  readonly name: string
  readonly policies: Policies
  readonly probeTimeoutMs: number
  readonly resumeSecret: string | undefined
}

/** Throws `UsageError` with what is wrong and what is accepted. */
export function resolveOptions(options: LimiterOptions): ResolvedOptions {
  checkOptions(options)
  const defaults = LIMITER_DEFAULTS
  const policies = resolvePolicies(options.policies)
  const timing = leaseTiming({
    ttlMs: options.leaseTtlMs ?? defaults.leaseTtlMs,
    renewIntervalMs: options.renewIntervalMs ?? defaults.renewIntervalMs,
    callTimeoutMs: options.storeTimeoutMs ?? defaults.storeTimeoutMs,
    onLeaseLost: policies.onLeaseLost,
  })
  const connectionsPerOrg = options.limits?.org ?? defaults.connectionsPerOrg
  const probeTimeoutMs = probeTimeout(options.probeTimeoutMs ?? defaults.probeTimeoutMs)
  const { tierOf } = options.limits ?? {}
  return {
    store: storeOf(options, timing),
    ownsStore: options.store === undefined,
    timing,
    connectionsPerOrg,
    limits: scopeLimits(options.limits, probeTimeoutMs > 0),
    nearlyFullPercent: percent(options.limits?.nearlyFullPercent ?? defaults.nearlyFullPercent),
    tiers: new Tiers(options.limits?.tiers ?? defaults.tiers),
    // A program's own table of tiers may say null of an org that has none.
    tierOf: (org) => toldAtOnce(tierOf?.(org), 'limits.tierOf') ?? undefined,
    policies,
    probeTimeoutMs,
    resumeSecret: options.resumeSecret,
    name: options.nodeName ?? defaultNodeName(),
  }
}

/**
 * Only what limits anything: what is absent costs no admission a look. An instance whose old connection is never asked
 * would be locked out by it, so it is not limited then.
 */
function scopeLimits(limits: LimiterOptions['limits'], probes: boolean): ScopeLimits {
  const { gateway, instance = LIMITER_DEFAULTS.instance, address, cluster, reserved } = limits ?? {}
  if (reserved) checkReserve(reserved)
  const isNone = reserved === undefined || ('slots' in reserved ? reserved.slots : reserved.percent) === 0
  return {
    ...(gateway !== undefined && { gateway }),
    ...(instance && probes && { instance }),
    ...(address !== undefined && { address }),
    ...(cluster !== undefined && { cluster }),
    ...(!isNone && { reserved }),
  }
}

function percent(value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 100) return value
  throw new UsageError('INVALID_SETTINGS', `nearlyFullPercent is a whole number from 1 to 100, not ${value}`)
}

/** More would leave an upgrade no time for its answer (L6). */
function probeTimeout(ms: number): number {
  if (ms >= 0 && ms <= 2_000) return ms
  throw new UsageError('INVALID_SETTINGS', `probeTimeoutMs is a time from 0 to 2000 ms, not ${ms}`)
}

function storeOf(options: LimiterOptions, timing: LeaseTiming): LeaseStore | BucketedStore {
  const { store, redis, keyPrefix = LIMITER_DEFAULTS.keyPrefix } = options
  // Of the embedded store too, which has no keys: else who tests with that would hear of it only where there is a Redis.
  checkKeyPrefix(keyPrefix)
  if (store && redis !== undefined) {
    throw new UsageError('INVALID_SETTINGS', 'give either `store` or `redis`, not both')
  }
  if (store) return store
  const clock = systemClock
  if (redis === undefined) return new MemoryStore({ timing, clock })
  return openRedis({ url: redis, timing, clock, keyPrefix })
}
