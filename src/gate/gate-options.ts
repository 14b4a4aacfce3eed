import type { Admitter } from '../core/admission.js'
import { type Clock, systemClock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import { checkLimit } from '../core/limits.js'
import { shown } from '../core/shown.js'
import { withDefaults } from '../core/with-defaults.js'
import type { GateObserver } from './gate-observer.js'
import type { Identify, Identity } from './identify.js'
import type { RateOptions } from './rates.js'
import { REJECTS, type Reject } from './reject.js'
import type { Sockets } from './ws-gate.js'

export interface GateOptions {
  readonly admitter: Admitter
  readonly identify: Identify
  /**
   * Whether a connection may stay that was let in as this `Identity`, the very object that `identify` returned; it
   * always may where absent. Asked when it opens, and for each open connection by `closeRevoked`: must be cheap, and
   * never throw.
   */
  readonly mayStay?: ((identity: Identity) => boolean) | undefined
  readonly sockets: Sockets
  /**
   * Limit of this process, in connections: open ones plus those being admitted, but for those that wait while somebody is
   * asked whether he is still there. Unlimited where absent.
   */
  readonly maxConnections?: number | undefined
  /**
   * Upgrades without a decision yet, but for the same; the next is refused at once. Four times as many may wait for
   * their refusal to be flushed; the next is closed without an answer. 1,000 where absent.
   */
  readonly maxPendingUpgrades?: number | undefined
  /** Which paths are WebSocket endpoints; all of them where absent. Receives the path without the query. */
  readonly accepts?: ((path: string) => boolean) | undefined
  /** From the `upgrade` event to the decision, in ms (L6); 3,000 where absent. */
  readonly upgradeTimeoutMs?: number | undefined
  /**
   * Silence in ms after which a peer is taken for gone; it is pinged at two thirds of it (L3). One that came in the place of
   * another is pinged at once, and gone after a quarter. 30,000 where absent.
   */
  readonly pongTimeoutMs?: number | undefined
  /** How long a peer may take to answer our close frame, in ms; 2,000 where absent. */
  readonly closeTimeoutMs?: number | undefined
  /** Upgrade attempts a minute, by address, key and process; as many as come where absent. */
  readonly rates?: { readonly [K in keyof RateOptions]?: RateOptions[K] | undefined } | undefined
  /**
   * Comma-separated CIDRs of proxies whose X-Forwarded-For is believed; nobody's where absent. Without it all who come
   * through a proxy have its address.
   */
  readonly trustedProxies?: string | undefined
  /** How refusals are told; `http` where absent. */
  readonly reject?: Reject | undefined
  readonly observer?: GateObserver | undefined
  readonly clock?: Clock | undefined
  /** In [0, 1); spreads Retry-After. */
  readonly random?: (() => number) | undefined
}

/** The same with nothing absent. */
export type ResolvedGateOptions = { readonly [K in keyof GateOptions]-?: Exclude<GateOptions[K], undefined> }

/** The one literal of the gate's defaults. */
export const GATE_DEFAULTS = {
  maxConnections: Number.POSITIVE_INFINITY,
  maxPendingUpgrades: 1_000,
  mayStay: () => true,
  accepts: () => true,
  upgradeTimeoutMs: 3_000,
  pongTimeoutMs: 30_000,
  closeTimeoutMs: 2_000,
  rates: {},
  trustedProxies: '',
  reject: 'http' as const,
  observer: {},
  clock: systemClock,
  random: Math.random,
}

/** A ping wheel that turns in less has no time left for the answers. */
const LEAST_MS = { upgradeTimeoutMs: 1, pongTimeoutMs: 100, closeTimeoutMs: 1 } as const

/**
 * Absent or undefined is the default. Throws `INVALID_SETTINGS` or `INVALID_LIMIT` with what is wrong and what is
 * accepted: without a time the ping wheel would never turn, and a limit of NaN is never reached. `identify` has no
 * default, and must be given.
 */
export function resolveGateOptions(options: GateOptions): ResolvedGateOptions {
  const { admitter, identify, sockets } = options
  if (identify === undefined)
    throw new UsageError('INVALID_SETTINGS', 'identify is needed: a function that says who asks')
  const resolved = withDefaults<ResolvedGateOptions>({ ...GATE_DEFAULTS, admitter, identify, sockets }, options)
  for (const name of ['maxConnections', 'maxPendingUpgrades'] as const) checkLimit(resolved[name], name)
  for (const [name, leastMs] of Object.entries(LEAST_MS) as [keyof typeof LEAST_MS, number][]) {
    const ms = resolved[name]
    if (!(Number.isFinite(ms) && ms >= leastMs)) {
      throw new UsageError('INVALID_SETTINGS', `${name} is a finite time from ${leastMs} ms, not ${ms}`)
    }
  }
  const { reject } = resolved
  if (REJECTS.includes(reject)) return resolved
  throw new UsageError('INVALID_SETTINGS', `reject is one of ${REJECTS.join(', ')}, not ${shown(reject)}`)
}
