/** A reason with which headcount refuses an upgrade. */
export interface RefusalReason {
  /** The HTTP answer to a refused upgrade. */
  readonly status: number
  readonly title: string
  /** Whether the same attempt may succeed later without anybody changing anything; such answers carry Retry-After. */
  readonly passes: boolean
}

const refusal = (status: number, title: string, passes: boolean): RefusalReason => ({ status, title, passes })

/**
 * With `closings` the one catalogue of reasons with which headcount refuses or closes a connection.
 *
 * A WSO2 gateway takes 401, 403, 404, 409 and 422 as permanent and exits, so no condition that passes by itself has one.
 */
export const refusals = {
  UNAUTHENTICATED: refusal(401, 'The API key is missing or unknown', false),
  ORG_DISABLED: refusal(403, 'The key or its organization is disabled', false),
  NOT_FOUND: refusal(404, 'There is no WebSocket endpoint at this path', false),
  BAD_HANDSHAKE: refusal(400, 'The WebSocket handshake is malformed', false),
  UPGRADE_REQUIRED: refusal(426, 'This endpoint speaks WebSocket only', false),
  ORG_CONNECTION_LIMIT_EXCEEDED: refusal(429, 'The organization holds all the connections it may', true),
  INSTANCE_CONNECTION_LIMIT_EXCEEDED: refusal(429, 'This instance of the gateway is connected already', true),
  GATEWAY_CONNECTION_LIMIT_EXCEEDED: refusal(429, 'The gateway holds all the connections it may', true),
  ADDRESS_CONNECTION_LIMIT_EXCEEDED: refusal(429, 'There are as many connections from this address as may be', true),
  SCOPE_CONNECTION_LIMIT_EXCEEDED: refusal(429, 'A further limit of this connection is reached', true),
  CONNECTION_RATE_LIMIT_EXCEEDED: refusal(429, 'There were too many connection attempts', true),
  CLUSTER_CAPACITY_EXCEEDED: refusal(503, 'All nodes together hold all the connections they may', true),
  NODE_CAPACITY_EXCEEDED: refusal(503, 'This node takes no more connections at present', true),
  STARTING: refusal(503, 'This node is starting', true),
  DRAINING: refusal(503, 'This node is shutting down', true),
  RECOVERING: refusal(503, 'The connection store is being rebuilt after a loss', true),
  STORE_UNAVAILABLE: refusal(503, 'The connection store does not answer', true),
  IDENTITY_UNAVAILABLE: refusal(503, 'It could not be found out whose credential this is', true),
  ADMISSION_UNDECIDED: refusal(503, 'This node could not decide about the connection', true),
} as const satisfies Record<string, RefusalReason>

export type RefusalCode = keyof typeof refusals

/**
 * By the status of a refusal: the close code where it is told inside a WebSocket. What passes on another node is 1013.
 */
const CLOSE_CODES: Record<number, number> = { 401: 4401, 403: 4403, 429: 4429, 503: 1013 }
/** Policy violation (RFC 6455 §7.4.1), for refusals that nobody expects there. */
const OTHER_CLOSE_CODE = 1008

export function closeCodeOf(code: RefusalCode): number {
  if (code === 'DRAINING') return closings.DRAINING.close
  return CLOSE_CODES[refusals[code].status] ?? OTHER_CLOSE_CODE
}

/** Close codes of open connections. 1012 and 1013 are registered, 4000–4999 are private use. Reasons fit 123 bytes. */
export const closings = {
  DRAINING: { close: 1012, reason: 'node is shutting down, reconnect' },
  STORE_AWAY: { close: 1013, reason: 'connection store away too long, try again later' },
  KEY_REVOKED: { close: 4401, reason: 'the credential was revoked or has expired' },
  LEASE_LOST: { close: 4408, reason: 'lease lost and no slot left on rejoin, reconnect' },
  EVICTED: { close: 4409, reason: 'closed by an operator, reconnect' },
  TAKEN_OVER: { close: 4410, reason: 'a newer connection of this client has its slot' },
  OVER_LIMIT: { close: 4429, reason: 'the organization holds more connections than it may' },
} as const satisfies Record<string, { close: number; reason: string }>

export type ClosingCode = keyof typeof closings
