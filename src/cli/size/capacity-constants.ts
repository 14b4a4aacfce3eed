/**
 * What the capacity model counts with. Each number was measured by the command beside it, on a virtual machine with two
 * cores of an AMD EPYC, Node 20.20 and Redis 7.0; docs/capacity.md says how good they are.
 */
export const constants = {
  /** `npm run bench -- capacity`: CPU of Redis for one that comes and goes, one a call. A rush shares calls: less than half. */
  pairUs: 35,
  /** `npm run bench -- capacity`: for one connection in one audit of its node's index. */
  auditUs: 3,
  /** `npm run bench`: for one renewal of a lease, whatever it holds, where Redis is at work anyway. */
  renewalUs: 40,
  /** The defaults of HEADCOUNT_RENEW_INTERVAL, and of audits, which have no setting. */
  renewIntervalS: 3,
  auditIntervalS: 30,

  /** `npm run bench -- memory`: all of a connection but its place in the set of its org, details included. */
  entryBytes: 156,
  /** `npm run bench -- memory`: the set of an org as a listpack, by itself and for each member. */
  smallSetBytes: 84,
  smallSetMemberBytes: 28,
  /** `npm run bench -- memory`: each member of a set past `zset-max-listpack-entries`. */
  largeSetMemberBytes: 104,
  smallSetMembers: 128,

  /** `npm run bench -- capacity`: bytes of one that comes and goes, as Redis receives and sends them. */
  pairInBytes: 630,
  pairOutBytes: 20,
  /** `npm run bench -- capacity`: of one renewal. */
  renewalInBytes: 610,
  renewalOutBytes: 30,
  /** `npm run bench -- capacity`: of one connection in one audit. */
  auditInBytes: 7,
  auditOutBytes: 98,

  /** `npm run bench -- sockets --connections 19500`: a node holds so many. More were not tried. */
  nodeConnections: 19_500,
  /**
   * `npm run bench -- sockets`: memory of a node by itself; and for each connection, twice what it gives after a garbage
   * collection, since there is more between two.
   */
  nodeMebibytes: 120,
  nodeConnectionKibibytes: 9,
  /** CPU of a node for one that comes and goes: twice what `npm run bench -- upgrades` gives, for log, metrics and keys. */
  nodeUpgradeUs: 430,
} as const
