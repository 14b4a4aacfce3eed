import { constants } from './capacity-constants.js'

/** What a cluster is to carry. */
export interface Asked {
  /** Orgs that hold connections. */
  readonly orgs: number
  readonly connections: number
  /** Connections that come each second; as many go. */
  readonly churnPerSecond: number
  /** As many as are needed where absent. */
  readonly nodes?: number
}

export interface Capacity {
  readonly redis: {
    /** Of one core, of all primaries together; 1 is a whole one. */
    readonly cpuShare: number
    readonly cpu: { readonly admissions: number; readonly audits: number; readonly renewals: number }
    /** Primaries, so that none is busier than the target, and over how many buckets orgs are spread for that. */
    readonly primaries: number
    readonly buckets: number
    readonly busiestShare: number
    readonly memoryBytes: number
    readonly renewalsPerSecond: number
    readonly receivesBitsPerSecond: number
    readonly sendsBitsPerSecond: number
  }
  readonly nodes: {
    readonly count: number
    readonly needed: number
    readonly connectionsEach: number
    readonly upgradesPerSecondEach: number
    readonly memoryBytesEach: number
  }
}

/** How busy anything should be at most: the other half is for storms, neighbours and what nobody thought of. */
export const TARGET_SHARE = 0.5
/** How full a node should be at most: when another dies, its connections have to find room. */
const NODE_FULL_SHARE = 0.7

/** Of a Redis Cluster: the default and what may be named in its address. */
const BUCKETS = [16, 32, 64, 128, 256]

/**
 * What a cluster takes, by the measured constants. All of it is linear but the memory of a set, which is dearer once it
 * has left its compact form, and what more than one primary needs: orgs spread over buckets, in each of which every
 * node has a lease to renew. `undefined` where no number of buckets is enough.
 */
export function capacityOf(asked: Asked): Capacity | undefined {
  const { connections, churnPerSecond } = asked
  const needed = nodesNeeded(asked)
  const nodes = asked.nodes ?? needed
  const auditsPerSecond = connections / constants.auditIntervalS
  const admissions = coresOf(churnPerSecond, constants.pairUs)
  const audits = coresOf(auditsPerSecond, constants.auditUs)
  const renewalsOf = (buckets: number) => (nodes * buckets) / constants.renewIntervalS
  const spread = spreadOver((buckets) => admissions + audits + coresOf(renewalsOf(buckets), constants.renewalUs))
  if (!spread) return undefined
  const renewalsPerSecond = renewalsOf(spread.buckets)
  const renewals = coresOf(renewalsPerSecond, constants.renewalUs)
  const bits = (pair: number, renewal: number, audit: number) =>
    8 * (churnPerSecond * pair + renewalsPerSecond * renewal + auditsPerSecond * audit)
  return {
    redis: {
      cpuShare: admissions + audits + renewals,
      cpu: { admissions, audits, renewals },
      ...spread,
      memoryBytes: memoryOf(asked),
      renewalsPerSecond,
      receivesBitsPerSecond: bits(constants.pairInBytes, constants.renewalInBytes, constants.auditInBytes),
      sendsBitsPerSecond: bits(constants.pairOutBytes, constants.renewalOutBytes, constants.auditOutBytes),
    },
    nodes: {
      count: nodes,
      needed,
      connectionsEach: Math.ceil(connections / nodes),
      upgradesPerSecondEach: churnPerSecond / nodes,
      memoryBytesEach:
        constants.nodeMebibytes * 2 ** 20 +
        Math.ceil(connections / nodes) * constants.nodeConnectionKibibytes * 2 ** 10,
    },
  }
}

/**
 * One primary if it can bear all; else the least buckets and primaries. A bucket is on one primary, so a primary has
 * whole ones.
 */
function spreadOver(
  coresWith: (buckets: number) => number,
): Pick<Capacity['redis'], 'primaries' | 'buckets' | 'busiestShare'> | undefined {
  const alone = coresWith(1)
  if (alone <= TARGET_SHARE) return { primaries: 1, buckets: 1, busiestShare: alone }
  for (const buckets of BUCKETS) {
    const cores = coresWith(buckets) / buckets
    if (cores > TARGET_SHARE) continue
    const primaries = Math.ceil(buckets / Math.floor(TARGET_SHARE / cores))
    return { primaries, buckets, busiestShare: cores * Math.ceil(buckets / primaries) }
  }
  return undefined
}

/** What is asked so often and takes so long keeps so much of a core busy. */
function coresOf(perSecond: number, us: number): number {
  return (perSecond * us) / 1e6
}

/** For the sockets or for the upgrades, whichever needs more; and one that may die. */
function nodesNeeded({ connections, churnPerSecond }: Asked): number {
  const forSockets = connections / (NODE_FULL_SHARE * constants.nodeConnections)
  const forUpgrades = coresOf(churnPerSecond, constants.nodeUpgradeUs) / TARGET_SHARE
  return Math.ceil(Math.max(forSockets, forUpgrades)) + 1
}

/** As if all orgs were of one size. */
function memoryOf({ orgs, connections }: Asked): number {
  const isSmall = connections / orgs <= constants.smallSetMembers
  const sets = isSmall
    ? orgs * constants.smallSetBytes + connections * constants.smallSetMemberBytes
    : connections * constants.largeSetMemberBytes
  return Math.ceil(connections * constants.entryBytes + sets)
}
