import type { EventBus } from '../core/events.js'
import { leasesOf } from './by-lease.js'
import type { ClusterStats } from './cluster-stats.js'
import { type FoundHolders, type HolderStats, type HoldersOptions, mostHolders } from './holders.js'
import type { NodeStats } from './node-stats.js'

/** A connection that holds a slot under a live lease. */
export interface SlotHolder extends HolderStats {
  /** Whether this process holds it. */
  readonly mine: boolean
}

/** Who holds the slots of an org. */
export interface OrgHolders extends FoundHolders {
  readonly connections: readonly SlotHolder[]
}

/** A process whose lease lives. */
export interface LiveNode extends NodeStats {
  /** Whether it is this process. */
  readonly self: boolean
}

/** Who else is in the cluster, as this process sees it: it knows itself by its leases, one in each bucket. */
export class OwnView {
  readonly #stats: ClusterStats
  readonly #leases = new Set<number>()

  constructor(stats: ClusterStats, events: EventBus) {
    this.#stats = stats
    events.on('lease.taken', ({ lease }) => this.#leases.add(lease))
    events.on('lease.lost', ({ lease }) => this.#leases.delete(lease))
  }

  async holders(orgId: string, options: HoldersOptions): Promise<OrgHolders> {
    const found = await this.#stats.holders(orgId, mostHolders(options))
    const marked = found.connections.map((each) => ({ ...each, mine: this.#leases.has(each.lease) }))
    return { ...found, connections: marked }
  }

  async nodes(): Promise<LiveNode[]> {
    const nodes = await this.#stats.nodes()
    return nodes.map((node) => ({ ...node, self: leasesOf(node).some((lease) => this.#leases.has(lease)) }))
  }
}
