import { UsageError } from '../core/errors.js'
import { checkGiven, type Kind } from '../core/given.js'
import { DEFAULT_POLICIES } from '../core/policies.js'
import { shown } from '../core/shown.js'
import type { LimiterOptions } from './options.js'

type Limits = NonNullable<LimiterOptions['limits']>

/** All of the interface, or this does not compile. */
const OPTIONS: Readonly<Record<keyof LimiterOptions, Kind>> = {
  redis: 'any',
  limits: 'object',
  leaseTtlMs: 'number',
  renewIntervalMs: 'number',
  storeTimeoutMs: 'number',
  probeTimeoutMs: 'number',
  policies: 'object',
  nodeName: 'string',
  resumeSecret: 'string',
  keyPrefix: 'string',
  store: 'object',
  startsWhen: 'object',
}

const LIMITS: Readonly<Record<keyof Limits, Kind>> = {
  org: 'limit',
  gateway: 'limit',
  instance: 'boolean',
  address: 'limit',
  cluster: 'limit',
  reserved: 'object',
  nearlyFullPercent: 'number',
  tiers: 'object',
  tierOf: 'function',
}

/** Their words and times are checked where they are resolved. */
const POLICIES = Object.fromEntries(Object.keys(DEFAULT_POLICIES).map((name) => [name, 'any' as Kind]))

const INNER = [
  ...Object.keys(LIMITS).map((name) => `limits.${name}`),
  ...Object.keys(POLICIES).map((name) => `policies.${name}`),
]

/** Throws `UsageError` for an option that is none or of the wrong kind, which types would have told. */
export function checkOptions(options: LimiterOptions): void {
  checkGiven(options, { kinds: OPTIONS, elsewhere: INNER })
  if (options.redis !== undefined && typeof options.redis !== 'string') {
    throw new UsageError(
      'INVALID_SETTINGS',
      `redis is the URL of a Redis, to which the limiter connects by itself, such as "redis://localhost:6379"; not ${shown(options.redis)}`,
    )
  }
  // Other limiters take a client of Redis so; with one of those a node would fail in the background, over and over.
  if (options.store !== undefined && typeof options.store.embedded !== 'boolean') {
    throw new UsageError('INVALID_SETTINGS', 'store is not an option; did you mean redis?')
  }
  // As the server's settings have it: who holds a token can try short secrets, until one has signed it.
  if (options.resumeSecret) checkLength('resumeSecret', options.resumeSecret, 16, 512)
  if (options.nodeName !== undefined) checkLength('nodeName', options.nodeName, 1, 128)
  const { limits = {}, policies = {} } = options
  checkGiven(limits, { kinds: LIMITS, within: 'limits' })
  checkGiven(policies, { kinds: POLICIES, within: 'policies' })
}

/** Shows the length alone: the text may be secret. */
function checkLength(name: string, { length }: string, least: number, most: number): void {
  if (length >= least && length <= most) return
  throw new UsageError('INVALID_SETTINGS', `${name} has ${least} to ${most} characters, not ${length}`)
}
