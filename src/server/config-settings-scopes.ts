import { kinds } from './config-kinds.js'

/** What connections count against beside the limit of their org. */
export const scopeSettings = {
  maxConnectionsPerGateway: {
    name: 'HEADCOUNT_MAX_CONNECTIONS_PER_GATEWAY',
    flag: '--max-connections-per-gateway',
    kind: kinds.countOrUnlimited,
    default: 'unlimited',
    description: 'Connections that one gateway of an org may hold over the whole cluster',
  },
  maxConnectionsPerAddress: {
    name: 'HEADCOUNT_MAX_CONNECTIONS_PER_ADDRESS',
    flag: '--max-connections-per-address',
    kind: kinds.countOrUnlimited,
    default: 'unlimited',
    description:
      'Connections from one address (of IPv6: one /64) over the whole cluster, of all orgs together. Behind a load balancer set HEADCOUNT_TRUSTED_PROXIES too',
  },
  clusterMaxConnections: {
    name: 'HEADCOUNT_CLUSTER_MAX_CONNECTIONS',
    flag: '--cluster-max-connections',
    kind: kinds.countOrUnlimited,
    default: 'unlimited',
    description: 'Connections of all orgs on all nodes together',
  },
  reserved: {
    name: 'HEADCOUNT_RESERVED_SLOTS',
    flag: '--reserved-slots',
    kind: kinds.reserve,
    default: '0',
    description:
      'How much of each org’s limit is kept for keys with `"priority": true`: slots, or a share of the limit such as `20%`, rounded down',
  },
} as const
