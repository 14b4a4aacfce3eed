import type { IncomingMessage } from 'node:http'
import { closeCodeOf, type RefusalCode } from '../core/closures.js'
import { instanceOf } from '../core/request-instance.js'
import type { Problem, Refusal } from './refuse.js'

/** The words of `Reject`; whoever reads one from outside takes them from here. */
export const REJECTS = ['http', 'close', 'auto'] as const

/**
 * How a refusal is told. `http` answers the upgrade request with a status. `close` completes the handshake and says it
 * in a frame and a close code, since browsers and their like tell a program nothing of a refused upgrade. `auto` does
 * that where the request has an `Origin`, which browsers send, and answers with a status otherwise.
 */
export type Reject = (typeof REJECTS)[number]

/** A refusal inside a WebSocket. The reason is at most 123 bytes of UTF-8. */
export interface ClosingWords {
  readonly frame: string
  readonly close: number
  readonly reason: string
}

/** Without a sound handshake there is no WebSocket to say it in, and at another path none was promised. */
const BEFORE_ANY_WEBSOCKET: readonly RefusalCode[] = ['BAD_HANDSHAKE', 'UPGRADE_REQUIRED', 'NOT_FOUND']

export function isToldInside(reject: Reject, { headers }: IncomingMessage, code: RefusalCode): boolean {
  if (reject === 'http' || BEFORE_ANY_WEBSOCKET.includes(code)) return false
  return reject === 'close' || headers.origin !== undefined
}

/** The same as the problem document says; what that has in its headers is in the frame. */
export function closingWords(refusal: Refusal, problem: Problem): ClosingWords {
  const { code, detail, currentCount, maxAllowed, scope, reserved } = refusal
  const frame = JSON.stringify({
    type: 'error',
    code,
    detail,
    currentCount,
    maxAllowed,
    scope,
    reserved,
    instance: instanceOf(problem.requestId),
    retryAfterSeconds: problem.retryAfterSeconds,
  })
  return { frame, close: closeCodeOf(code), reason: code }
}
