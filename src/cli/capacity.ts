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
    /** Primaries, so that none is busier than the target. */
    readonly primaries: number
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

/**
 * What a cluster takes, by the measured constants. All of it is linear but the memory of a set, which is dearer once it
 * has left its compact form, and the number of primaries: each node has a lease with each of them, so renewals do not
 * become fewer for a primary when there are more of them. `undefined` where renewals alone are more than the target.
 */
export function capacityOf(asked: Asked): Capacity | undefined {
  const { connections, churnPerSecond } = asked
  const needed = nodesNeeded(asked)
  const nodes = asked.nodes ?? needed
  const auditsPerSecond = connections / constants.auditIntervalS
  const admissions = coresOf(churnPerSecond, constants.pairUs)
  const audits = coresOf(auditsPerSecond, constants.auditUs)
  const renewalsOfOne = nodes / constants.renewIntervalS
  const renewing = coresOf(renewalsOfOne, constants.renewalUs)
  if (renewing >= TARGET_SHARE) return undefined
  const primaries = Math.max(1, Math.ceil((admissions + audits) / (TARGET_SHARE - renewing)))
  const renewalsPerSecond = renewalsOfOne * primaries
  const bits = (pair: number, renewal: number, audit: number) =>
    8 * (churnPerSecond * pair + renewalsPerSecond * renewal + auditsPerSecond * audit)
  return {
    redis: {
      cpuShare: admissions + audits + renewing * primaries,
      cpu: { admissions, audits, renewals: renewing * primaries },
      primaries,
      busiestShare: (admissions + audits) / primaries + renewing,
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
