import type { ClosingCode, RefusalCode } from '../../core/closures.js'

export interface Explanation {
  /** What was the case. */
  readonly why: string
  /** What an operator can do about it. */
  readonly todo: string
}

const its = (why: string, todo: string): Explanation => ({ why, todo })

/** Of every code, for a person at night; docs/errors.md says more. */
export const explanations: Readonly<Record<RefusalCode | ClosingCode, Explanation>> = {
  UNAUTHENTICATED: its('The API key was missing, or nobody has it.', 'Compare the key with the key file.'),
  ORG_DISABLED: its('The key is known and disabled.', 'Enable it in the key file, if it should get in.'),
  NOT_FOUND: its('The path is not the endpoint of gateways.', 'Mend the address that the client dials.'),
  BAD_HANDSHAKE: its('The WebSocket handshake was malformed.', 'Mend the client, or the proxy before the node.'),
  UPGRADE_REQUIRED: its(
    'The request asked for no WebSocket.',
    'Often a proxy drops the Upgrade header: see deploy/ for what it needs.',
  ),
  ORG_CONNECTION_LIMIT_EXCEEDED: its(
    'The org held all the connections that it may, on all nodes together.',
    'Give it room: `headcount limit set ORG N --for 1h`; or close a holder that nobody misses: `headcount disconnect CONNECTION`.',
  ),
  INSTANCE_CONNECTION_LIMIT_EXCEEDED: its(
    'Another connection names the same instance and answered a ping, or its node did not say so in time.',
    'Give each process an `instance-id` of its own; one that came back tries again by itself.',
  ),
  GATEWAY_CONNECTION_LIMIT_EXCEEDED: its(
    'One gateway of the org held all the connections that a gateway may.',
    'Find out why it opens so many, or raise HEADCOUNT_MAX_CONNECTIONS_PER_GATEWAY.',
  ),
  ADDRESS_CONNECTION_LIMIT_EXCEEDED: its(
    'As many connections as may be were open from this address.',
    'If all clients come through one proxy, name it in HEADCOUNT_TRUSTED_PROXIES.',
  ),
  SCOPE_CONNECTION_LIMIT_EXCEEDED: its('A further limit than that of the org was reached.', 'Close one, or wait.'),
  CONNECTION_RATE_LIMIT_EXCEEDED: its(
    'This address or key tried too often within a minute.',
    'If all clients come through one proxy, name it in HEADCOUNT_TRUSTED_PROXIES; else the client should back off.',
  ),
  CLUSTER_CAPACITY_EXCEEDED: its(
    'All nodes together held HEADCOUNT_CLUSTER_MAX_CONNECTIONS.',
    'Raise it, if Redis and the nodes can bear more: `headcount nodes`.',
  ),
  NODE_CAPACITY_EXCEEDED: its('This node took no more connections.', 'Raise WS_MAX_CONNECTIONS, or add a node.'),
  STARTING: its(
    'The node had only just started, or waited for Redis.',
    'It passes; if not: `headcount doctor --redis URL`.',
  ),
  DRAINING: its('The node was told to stop.', 'Nothing: the client comes back, and the balancer picks another node.'),
  RECOVERING: its(
    'Redis had lost its memory or started empty, and the nodes were telling it of their connections.',
    'It passes by itself, within 18 s at the default settings. Find out why Redis lost it.',
  ),
  STORE_UNAVAILABLE: its(
    'Redis did not answer in time, or refused.',
    '`headcount doctor --redis URL` looks for the reason.',
  ),
  ADMISSION_UNDECIDED: its('The node came to no decision in time.', 'Its log has the error.'),
  IDENTITY_UNAVAILABLE: its(
    'Nobody could say whose key or token that was: what the node asks for it did not answer.',
    'Look at the identity provider or the callback, and at the log of the node.',
  ),
  KEY_REVOKED: its('The key was revoked or disabled while the connection was open.', 'Nothing, if that was meant.'),
  STORE_AWAY: its(
    'The node had not reached Redis for too long.',
    '`headcount doctor --redis URL` looks for the reason.',
  ),
  LEASE_LOST: its(
    'The node was cut off from Redis for longer than its lease, and others took the slots.',
    'Look at the network between that node and Redis, and whether the node was paused.',
  ),
  EVICTED: its('An operator closed it.', 'The audit lines of the log say who, and why.'),
  TAKEN_OVER: its(
    'Its client came back with the resume token, and the newer connection has the slot.',
    'Nothing, unless two clients share one token.',
  ),
  OVER_LIMIT: its(
    'The org held more than it may, and this one was among the surplus.',
    '`headcount org ORG` says why.',
  ),
}
