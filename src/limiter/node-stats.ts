import { type LeaseTiming, lateAfter } from '../core/lease-timing.js'
import { decodeNodeInfo, type NodeInfo } from '../node/node-info.js'
import type { NodeEntry } from '../store/lease-store.js'

export interface NodeStats {
  readonly name: string
  readonly lease: number
  /** On a Redis Cluster it has one in each bucket: all of them, the first included. */
  readonly leases?: readonly number[]
  readonly connections: number
  readonly leaseExpiresInMs: number
  /**
   * Since its last renewal, on the store's clock, which moves with the renewals of all nodes. Absent, as is `late`,
   * where the times of its lease are not known.
   */
  readonly heartbeatAgeMs?: number
  /** Whether it has missed a beat. */
  readonly late?: boolean
  readonly startedAt?: string
  /** Of headcount; absent, as are its settings, where it does not tell it. */
  readonly version?: string
  /** Of the options of `createLimiter`, by their names, those that must be the same in all processes. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

/** T and R of a lease. */
export type LeaseTerms = Pick<LeaseTiming, 'ttlMs' | 'renewIntervalMs'>

/**
 * A node as it is shown: what it has told of itself, its lease where that was no name. `terms` are those of its lease
 * where it has not said them.
 */
export function nodeStats({ lease, leases, connections, expiresInMs, info }: NodeEntry, terms?: LeaseTerms): NodeStats {
  const told = decodeNodeInfo(info)
  const { name = String(lease), startedAt, version, settings } = told
  return {
    name,
    ...(startedAt !== undefined && { startedAt }),
    lease,
    ...(leases && { leases }),
    connections,
    leaseExpiresInMs: expiresInMs,
    ...heartbeat(expiresInMs, told, terms),
    ...(version !== undefined && { version }),
    ...(settings && { settings }),
  }
}

function heartbeat(expiresInMs: number, told: NodeInfo, terms?: LeaseTerms) {
  const times = termsOf(told) ?? terms
  if (times === undefined) return {}
  const heartbeatAgeMs = Math.max(0, times.ttlMs - expiresInMs)
  return { heartbeatAgeMs, late: heartbeatAgeMs > lateAfter(times.renewIntervalMs) }
}

/** Both or neither: one of the node's beside one of ours would describe a lease that nobody has. */
function termsOf({ leaseTtlMs, renewIntervalMs }: NodeInfo): LeaseTerms | undefined {
  if (leaseTtlMs === undefined || renewIntervalMs === undefined) return undefined
  return { ttlMs: leaseTtlMs, renewIntervalMs }
}
