import type { IncomingMessage } from 'node:http'
import { idProblem } from '../core/org-id.js'

/** What RFC 6455 §4.2.1 asks for: 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/
/** The only version in use, and the only one we advertise. */
export const WEBSOCKET_VERSION = '13'

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const TOKEN_LIST = new RegExp(`^${TOKEN}(?:[ \\t]*,[ \\t]*${TOKEN})*$`)

export interface HandshakeFault {
  readonly code: 'BAD_HANDSHAKE' | 'UPGRADE_REQUIRED'
  readonly detail: string
}

/**
 * What is wrong with an upgrade request, or `undefined`. It finds what ws would refuse by itself, so that the refusal is
 * ours: with a code, told to the observer, and before a slot is taken. What a program's own WebSocket server refuses
 * beyond that (its `verifyClient`, an extension) is its own; the slot ends with the raw socket in any case.
 */
export function handshakeFault(request: IncomingMessage): HandshakeFault | undefined {
  const { headers } = request
  if (headers.upgrade?.toLowerCase() !== 'websocket') return upgrade('the Upgrade header must be "websocket"')
  if (headers['sec-websocket-version'] !== WEBSOCKET_VERSION) {
    return upgrade(`Sec-WebSocket-Version must be ${WEBSOCKET_VERSION}`)
  }
  if (request.method !== 'GET') return bad('the method must be GET')
  if (request.httpVersion === '1.0' || request.httpVersion === '0.9') return bad('HTTP/1.1 or later is needed')
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) {
    return bad('Sec-WebSocket-Key must be sent once, as 16 bytes in base64')
  }
  const protocols = headers['sec-websocket-protocol']
  if (protocols !== undefined && !isListOfUniqueTokens(protocols)) {
    return bad('Sec-WebSocket-Protocol must be a list of different tokens')
  }
  const instance = instanceOf(request)
  const problem = instance === undefined ? undefined : idProblem(instance)
  return problem === undefined ? undefined : bad(`instance-id ${problem}`)
}

/**
 * What an earlier connection of this client was given. No fault of the handshake, whatever it is: at worst it counts as
 * none.
 */
export function resumeTokenOf({ headers }: IncomingMessage): string | undefined {
  const token = headers['resume-token']
  return typeof token === 'string' && token !== '' ? token : undefined
}

/** The name that a gateway process gives itself. */
export function instanceOf(request: IncomingMessage): string | undefined {
  const instance = request.headers['instance-id']
  return typeof instance === 'string' && instance !== '' ? instance : undefined
}

function isListOfUniqueTokens(value: string): boolean {
  if (!TOKEN_LIST.test(value)) return false
  const tokens = value.split(',').map((token) => token.trim())
  return new Set(tokens).size === tokens.length
}

function bad(detail: string): HandshakeFault {
  return { code: 'BAD_HANDSHAKE', detail }
}

function upgrade(detail: string): HandshakeFault {
  return { code: 'UPGRADE_REQUIRED', detail }
}
