import type { AdmissionRequest } from '../core/admission.js'
import { checkLimit } from '../core/limits.js'
import { checkOrg } from '../core/org-id.js'
import { type Reserve, reservedOf } from '../core/reserve.js'
import { decodeDetails } from '../node/details.js'
import { type DefaultLimits, requestLimit } from '../node/request-limit.js'
import type { OrgCount, ScopeRef, StoreInspector } from '../store/lease-store.js'
import { type LeaseTerms, type NodeStats, nodeStats } from './node-stats.js'
import { type OrgLimits, orgLimits } from './org-limits.js'

export interface OrgStats {
  readonly orgId: string
  /** Slots of live leases over the whole cluster. */
  readonly currentCount: number
  /** The limit in force: what operators have set, else the request's, else that of its tier, else the default. */
  readonly maxAllowed: number
  /** So many of `maxAllowed` are for requests that have priority; absent where none are. */
  readonly reserved?: number
  /** By how many connections the org exceeds its limit; absent where it does not. */
  readonly excess?: number
}

/** What a holder of a slot told when it connected, and which lease it hangs on. */
export interface Connection {
  readonly connectionId: string
  readonly lease: number
  /** What it counts against beside its org. */
  readonly scopes: readonly ScopeRef[]
  readonly gateway?: string
  readonly instance?: string
  readonly address?: string
  /** RFC 3339. */
  readonly since?: string
  /** Of its org, in slots, with which it came; what operators set outweighs it. Absent where that has no end. */
  readonly limit?: number
  readonly priority?: boolean
}

/** What an org's limit is made of where no operator has set one, and what a lease is. */
export interface StatsDefaults extends DefaultLimits {
  /** The tier of an org by its credentials. */
  readonly tierOf: (org: string) => string | undefined
  /** Of the leases of nodes that do not say theirs, as those of older versions do not. */
  readonly terms?: LeaseTerms
  readonly reserved?: Reserve | undefined
}

/**
 * Read-only questions about the whole cluster. All reject with `STORE_UNAVAILABLE` when the store does not answer, and
 * with `INVALID_ORG` for an id that no org can have.
 */
export class ClusterStats {
  readonly #store: StoreInspector
  readonly #defaults: StatsDefaults

  constructor(store: StoreInspector, defaults: StatsDefaults) {
    this.#store = store
    this.#defaults = defaults
  }

  /** `limit` is the one that a request brings along; only an operator's exception outweighs it. */
  async org(orgId: string, { limit, tier }: Pick<AdmissionRequest, 'limit' | 'tier'> = {}): Promise<OrgStats> {
    checkOrg(orgId)
    if (limit !== undefined) checkLimit(limit)
    const [count] = await this.#store.countOrgs([orgId])
    return this.#stats(count ?? { org: orgId, count: 0, override: undefined }, {
      ...(limit !== undefined && { limit }),
      ...(tier !== undefined && { tier }),
    })
  }

  /** The same, with where the limit comes from and what operators have set. */
  async limits(orgId: string): Promise<OrgLimits> {
    checkOrg(orgId)
    const [stats, set] = await Promise.all([this.org(orgId), this.#store.overridesOf(orgId)])
    return orgLimits(stats, set, this.#defaults.tierOf(orgId))
  }

  /** These orgs, each once; those that hold nothing and have no exception are left out. */
  async some(orgs: readonly string[]): Promise<OrgStats[]> {
    const counts = await this.#store.countOrgs([...new Set(orgs)])
    return counts.filter(isOfInterest).map((count) => this.#stats(count))
  }

  /** One page of the orgs that hold slots or have an exception; '0' starts and ends. An org may be on two pages. */
  async orgs(cursor: string): Promise<{ cursor: string; orgs: OrgStats[] }> {
    const page = await this.#store.listOrgs(cursor)
    return { cursor: page.cursor, orgs: await this.some(page.orgs) }
  }

  /** All pages, each org once. For clusters with very many orgs, page. */
  async allOrgs(): Promise<OrgStats[]> {
    const all = new Map<string, OrgStats>()
    let cursor = '0'
    do {
      const page = await this.orgs(cursor)
      for (const stats of page.orgs) all.set(stats.orgId, stats)
      cursor = page.cursor
    } while (cursor !== '0')
    return [...all.values()]
  }

  async connections(orgId: string, limit: number): Promise<Connection[]> {
    checkOrg(orgId)
    const holders = await this.#store.holders(orgId, limit)
    return holders.map(({ id, lease, scopes, details }) => ({
      ...{ connectionId: id, lease },
      ...decodeDetails(details),
      scopes: scopes.slice(1),
    }))
  }

  /** As `StoreInspector.nodes`. */
  async nodes(how?: { readonly partly: boolean }): Promise<NodeStats[]> {
    const nodes = await this.#store.nodes(how)
    return nodes.map((node) => nodeStats(node, this.#defaults.terms))
  }

  #stats({ org, count, override }: OrgCount, request: Pick<AdmissionRequest, 'limit' | 'tier'> = {}): OrgStats {
    const tier = this.#defaults.tierOf(org)
    const limit = () => requestLimit({ org, ...(tier !== undefined && { tier }), ...request }, this.#defaults)
    const maxAllowed = override ?? limit()
    const reserved = reservedOf(maxAllowed, this.#defaults.reserved)
    return {
      ...{ orgId: org, currentCount: count, maxAllowed },
      ...(reserved > 0 && { reserved }),
      ...(count > maxAllowed && { excess: count - maxAllowed }),
    }
  }
}

/** An org whose last holder has just died is still listed by the store, with nothing to show. */
function isOfInterest({ count, override }: OrgCount): boolean {
  return count > 0 || override !== undefined
}
