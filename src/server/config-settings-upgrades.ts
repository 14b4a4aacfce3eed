import { kinds } from './config-kinds.js'

/** The settings of what happens to an upgrade before and beside the limits of orgs. */
export const upgradeSettings = {
  nearlyFullPercent: {
    name: 'HEADCOUNT_NEARLY_FULL',
    flag: '--nearly-full',
    kind: kinds.percent,
    default: '80%',
    description: 'The share of its limit at which an org is reported as nearly full',
  },
  addressRatePerMinute: {
    name: 'WS_RATE_LIMIT_PER_MINUTE',
    flag: '--rate-limit-per-minute',
    kind: kinds.countOrUnlimited,
    default: '1000',
    description:
      'Upgrade attempts from one address (of IPv6: one /64) on this node, admitted or not. Behind a load balancer set HEADCOUNT_TRUSTED_PROXIES too, or all clients share its address',
  },
  keyRatePerMinute: {
    name: 'HEADCOUNT_KEY_RATE_LIMIT_PER_MINUTE',
    flag: '--key-rate-limit-per-minute',
    kind: kinds.countOrUnlimited,
    default: 'unlimited',
    description: 'Upgrade attempts with one key on this node, from whatever addresses',
  },
  nodeRatePerMinute: {
    name: 'HEADCOUNT_NODE_RATE_LIMIT_PER_MINUTE',
    flag: '--node-rate-limit-per-minute',
    kind: kinds.countOrUnlimited,
    default: 'unlimited',
    description: 'Upgrade attempts on this node, of all clients together',
  },
  trustedProxies: {
    name: 'HEADCOUNT_TRUSTED_PROXIES',
    flag: '--trusted-proxies',
    kind: kinds.networks,
    defaultShown: 'none',
    description: 'CIDRs of proxies, separated by commas; X-Forwarded-For is believed only from these',
  },
  reject: {
    name: 'HEADCOUNT_REJECT',
    flag: '--reject',
    kind: kinds.reject,
    default: 'http',
    description:
      'How a refusal is sent: as the HTTP answer (`http`); inside the WebSocket, as a frame and a close code once the upgrade is complete (`close`); or in the latter way only if the request has an `Origin`, as a browser’s has (`auto`)',
  },
  probeTimeoutMs: {
    name: 'HEADCOUNT_PROBE_TIMEOUT',
    flag: '--probe-timeout',
    kind: kinds.probeTimeout,
    default: '1s',
    description:
      'When an org is full: how long a connection that has been silent for longer than a ping interval has to answer a ping before it is cut off and its slot goes to whoever waits; `0s` probes nobody',
  },
  instanceLimit: {
    name: 'HEADCOUNT_INSTANCE_LIMIT',
    flag: '--instance-limit',
    kind: kinds.onOff,
    default: 'on',
    description:
      'Whether an instance of a gateway, as named by its header `instance-id`, may hold only one connection: an older one is pinged at once and makes room if it does not answer within HEADCOUNT_PROBE_TIMEOUT; without probes it is off. The same on all nodes',
  },
  resumeSecret: {
    name: 'HEADCOUNT_RESUME_SECRET',
    flag: '--resume-secret',
    kind: kinds.secret,
    defaultShown: 'made by the first node and kept in Redis',
    description:
      'The secret that signs resume tokens; the same on all nodes of a cluster. A Redis that lost its memory is given it back by its nodes, unless a new one comes first; one that you set survives that too',
  },
} as const
