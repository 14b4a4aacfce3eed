/** What the admin API tells, as far as the page shows it. */

export type Limit = number | 'unlimited'

export interface Org {
  readonly orgId: string
  readonly currentCount: number
  readonly maxAllowed: Limit
}

export interface SetLimit {
  readonly limit: Limit
  readonly tier?: string
  readonly note?: string
  readonly by?: string
  readonly setAt?: string
  readonly expiresAt?: string
}

export interface OrgDetails extends Org {
  readonly limitFrom: 'override' | 'tier' | 'default'
  readonly tier: string | null
  readonly override: SetLimit | null
  readonly assignedTier: SetLimit | null
}

export interface Holder {
  readonly connectionId: string
  readonly lease: number
  readonly gateway?: string
  readonly instance?: string
  readonly address?: string
  readonly since?: string
}

export interface Node {
  readonly name: string
  readonly lease: number
  readonly connections: number
  readonly leaseExpiresInMs: number
  readonly startedAt?: string
  readonly heartbeatAgeMs: number
  /** Whether it has missed a beat. */
  readonly late: boolean
}

/** A refused upgrade, by its request id, or a closed connection, by its own. */
export interface Refusal {
  readonly at: string
  readonly kind: 'refused' | 'closed'
  readonly code: string
  readonly requestId?: string
  readonly connectionId?: string
  readonly orgId?: string
  readonly gatewayId?: string
  readonly address?: string
  readonly node?: string
  readonly currentCount?: number
  readonly maxAllowed?: Limit
}

export interface Snapshot {
  readonly at: string
  readonly totals: {
    readonly connections: number
    readonly orgs: number
    readonly nodes: number
    readonly refusedPerSecond: number
  }
  readonly store: {
    readonly epoch?: string
    readonly recoveryMs: number
    readonly answeredInMs: number
  }
  /** The orgs that use the largest part of their limit, at most 50. */
  readonly orgs: readonly Org[]
  readonly nodes: readonly Node[]
  /** New since the snapshot before. */
  readonly refusals: readonly Refusal[]
}

/** Where the page comes from, and what its token lets it do. */
export interface Stats {
  readonly role: 'admin' | 'read'
  readonly node: { readonly name: string }
  readonly store: string
}
