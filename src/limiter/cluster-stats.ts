import type { AdmissionRequest } from '../core/admission.js'
import { checkLimit } from '../core/limits.js'
import { checkOrg } from '../core/org-id.js'
import { checkPriority, type Reserve, reservedOf } from '../core/reserve.js'
import { type DefaultLimits, requestLimit } from '../node/held/request-limit.js'
import {
  type OrgCount,
  type Partly,
  type StoreInspector,
  StoreUnavailable,
  type WhichNodes,
} from '../store/lease-store.js'
import { byLease } from './by-lease.js'
import { type FoundHolders, type HolderStats, holderStats } from './holders.js'
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
 * with `INVALID_ORG` for an id that no org can have. What is asked of all orgs or nodes may be asked for in part.
 */
export class ClusterStats {
  readonly #inspector: StoreInspector
  readonly #defaults: StatsDefaults

  constructor(inspector: StoreInspector, defaults: StatsDefaults) {
    this.#inspector = inspector
    this.#defaults = defaults
  }

  /** `limit` is the one that a request brings along; only an operator's exception outweighs it. */
  async org(orgId: string, { limit, tier }: Pick<AdmissionRequest, 'limit' | 'tier'> = {}): Promise<OrgStats> {
    checkOrg(orgId)
    if (limit !== undefined) checkLimit(limit)
    return this.#stats(await this.#count(orgId), { limit, tier })
  }

  /** Whether it may hold one more, by its own limit alone; `INVALID_SETTINGS` for a priority that is none. */
  async hasRoom(
    orgId: string,
    { priority, ...limits }: Pick<AdmissionRequest, 'limit' | 'tier' | 'priority'>,
  ): Promise<boolean> {
    checkPriority(priority)
    const { currentCount, maxAllowed, reserved = 0 } = await this.org(orgId, limits)
    return currentCount < maxAllowed - (priority ? 0 : reserved)
  }

  /** What an org holds and may hold, with where its limit comes from and what operators have set. */
  async limits(orgId: string): Promise<OrgLimits> {
    checkOrg(orgId)
    const [count, set] = await Promise.all([this.#count(orgId), this.#inspector.overridesOf(orgId)])
    return orgLimits(this.#stats(count), set, count.override, this.#defaults.tierOf(orgId))
  }

  /** These orgs, each once; those that hold nothing and have no exception are left out. */
  async some(orgs: readonly string[], how?: Partly): Promise<OrgStats[]> {
    const counts = await this.#inspector.countOrgs([...new Set(orgs)], how)
    return counts.filter(isOfInterest).map((count) => this.#stats(count))
  }

  /** One page of the orgs that hold slots or have an exception; '0' starts and ends. An org may be on two pages. */
  async orgs(cursor: string, how?: Partly): Promise<{ cursor: string; orgs: OrgStats[] }> {
    const page = await this.#inspector.listOrgs(cursor, how)
    return { cursor: page.cursor, orgs: await this.some(page.orgs, how) }
  }

  /** All pages, each org once. For clusters with very many orgs, page. */
  async allOrgs(how?: Partly): Promise<OrgStats[]> {
    const all = new Map<string, OrgStats>()
    let cursor = '0'
    do {
      const page = await this.orgs(cursor, how)
      for (const stats of page.orgs) all.set(stats.orgId, stats)
      cursor = page.cursor
    } while (cursor !== '0')
    return [...all.values()]
  }

  /** At most so many that hold slots of an org. */
  async connections(orgId: string, atMost: number): Promise<HolderStats[]> {
    checkOrg(orgId)
    return (await this.#inspector.holders(orgId, atMost)).map(holderStats)
  }

  /** The same with the names of their nodes, as far as those can be had, and whether there are more. */
  async holders(orgId: string, atMost: number): Promise<FoundHolders> {
    // Not both at once: of the questions that may wait, each who asks then takes one place alone.
    const found = await this.connections(orgId, atMost + 1)
    const nodeOf = byLease(found.length === 0 ? [] : await this.#namesIn(orgId))
    const connections = found.slice(0, atMost).map((each): HolderStats => {
      const node = nodeOf.get(each.lease)
      return node === undefined ? each : { ...each, node: node.name }
    })
    return { orgId, connections, truncated: found.length > atMost }
  }

  /** As `StoreInspector.nodes`. */
  async nodes(which?: WhichNodes): Promise<NodeStats[]> {
    const nodes = await this.#inspector.nodes(which)
    return nodes.map((node) => nodeStats(node, this.#defaults.terms))
  }

  async #count(org: string): Promise<OrgCount> {
    const [count] = await this.#inspector.countOrgs([org])
    return count ?? { org, count: 0, override: undefined }
  }

  /** The nodes of the bucket of an org, for their names; none where the store does not answer that. */
  async #namesIn(org: string): Promise<NodeStats[]> {
    try {
      return await this.nodes({ org, uncounted: true })
    } catch (error) {
      if (error instanceof StoreUnavailable) return []
      throw error
    }
  }

  #stats({ org, count, override }: OrgCount, { limit, tier }: Pick<AdmissionRequest, 'limit' | 'tier'> = {}): OrgStats {
    const maxAllowed =
      override ?? requestLimit({ org, limit, tier: tier ?? this.#defaults.tierOf(org) }, this.#defaults)
    const reserved = reservedOf(maxAllowed, this.#defaults.reserved)
    return {
      orgId: org,
      currentCount: count,
      maxAllowed,
      ...(reserved > 0 && { reserved }),
      ...(count > maxAllowed && { excess: count - maxAllowed }),
    }
  }
}

/** An org whose last holder has just died is still listed by the store, with nothing to show. */
function isOfInterest({ count, override }: OrgCount): boolean {
  return count > 0 || override !== undefined
}
