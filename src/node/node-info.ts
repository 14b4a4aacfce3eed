import { fieldsOf } from '../core/parse-json.js'
import { isRfc3339 } from '../core/rfc3339.js'
import { version as ownVersion } from '../core/version.js'
import type { LimiterNodeOptions } from './node-options.js'
import { readSettings, type ToldSettings, toldSettings } from './told-settings.js'

/** What a node tells operators of itself, as far as it does: an older version says less. */
export interface NodeInfo {
  readonly name?: string
  /** RFC 3339. */
  readonly startedAt?: string
  /** T and R of its lease: who reads when that ends knows by them when it was renewed last, and whether that is late. */
  readonly leaseTtlMs?: number
  readonly renewIntervalMs?: number
  /** Of headcount. */
  readonly version?: string
  /** For who looks whether all nodes have the same. */
  readonly settings?: ToldSettings
}

type Told = Pick<LimiterNodeOptions, 'name' | 'startedAt' | 'clock'> & Parameters<typeof toldSettings>[0]

const VERSION = /^[\w.+-]{1,64}$/

/** Written once for each lease, so that its words may be long. */
export function encodeNodeInfo(options: Told): string {
  const { name, startedAt, timing, clock } = options
  const info: Required<NodeInfo> = {
    name,
    startedAt: startedAt ?? new Date(clock.wallMs()).toISOString(),
    leaseTtlMs: timing.ttlMs,
    renewIntervalMs: timing.renewIntervalMs,
    version: ownVersion,
    settings: toldSettings(options),
  }
  return JSON.stringify(info)
}

/** What has another type than it should is left out: somebody else wrote it. */
export function decodeNodeInfo(text: string): NodeInfo {
  const { name, startedAt, leaseTtlMs, renewIntervalMs, version, settings: told } = fieldsOf(text)
  const settings = readSettings(told)
  return {
    ...(typeof name === 'string' && { name }),
    ...(isRfc3339(startedAt) && { startedAt }),
    ...(isTime(leaseTtlMs) && { leaseTtlMs }),
    ...(isTime(renewIntervalMs) && { renewIntervalMs }),
    ...(typeof version === 'string' && VERSION.test(version) && { version }),
    ...(settings && { settings }),
  }
}

function isTime(ms: unknown): ms is number {
  return typeof ms === 'number' && ms > 0
}
