import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'
import { type RefusalCode, refusals } from '../core/closures.js'
import { instanceOf } from '../core/request-instance.js'
import { retryAfterMs, retryAfterSeconds } from '../core/retry-after.js'
import { WEBSOCKET_VERSION } from './handshake.js'

/** Why an upgrade is refused, before it is put into HTTP. */
export interface Refusal {
  readonly code: RefusalCode
  /** One sentence on this very refusal, for a person. Never holds a credential. */
  readonly detail?: string | undefined
  /** Present where a limit was the reason. */
  readonly currentCount?: number
  readonly maxAllowed?: number
  /** Which limit, where it was another than the org's. */
  readonly scope?: string
  /** The org has so many slots more, for those that have priority. */
  readonly reserved?: number
  /** Where absent, a refusal that passes by itself gets the spread default. */
  readonly retryAfterMs?: number | undefined
}

/** A refusal in HTTP: RFC 9457 problem details. */
export interface Problem {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** Names this one refusal in our log and, as `instance`, in the body. */
  readonly requestId: string
  /** As in the header; `undefined` where it does not pass by itself. */
  readonly retryAfterSeconds: number | undefined
}

/** How long a refused client may take to read the answer before its socket is destroyed all the same. */
const FLUSH_LIMIT_MS = 2_000

/** Puts a refusal into HTTP. `random` in [0, 1) spreads the default Retry-After. */
export function problemOf(refusal: Refusal, wallMs: number, random: () => number): Problem {
  const { code, detail, currentCount, maxAllowed, scope, reserved } = refusal
  const { status, title, passes } = refusals[code]
  const requestId = randomUUID()
  // A program without types may have said anything.
  const waitMs = Number.isFinite(refusal.retryAfterMs) ? refusal.retryAfterMs! : retryAfterMs(undefined, random)
  const retryAfter = passes ? retryAfterSeconds(waitMs) : undefined
  const body = JSON.stringify({
    type: `urn:headcount:error:${code}`,
    title,
    status,
    code,
    detail,
    instance: instanceOf(requestId),
    currentCount,
    maxAllowed,
    scope,
    reserved,
  })
  const headers: [string, string][] = [
    ['Date', new Date(wallMs).toUTCString()],
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
    ['Connection', status === 426 ? 'close, Upgrade' : 'close'],
  ]
  if (retryAfter !== undefined) headers.push(['Retry-After', String(retryAfter)])
  if (status === 401) headers.push(['WWW-Authenticate', 'Bearer realm="headcount"'])
  if (status === 426) headers.push(['Upgrade', 'websocket'], ['Sec-WebSocket-Version', WEBSOCKET_VERSION])
  if (maxAllowed !== undefined) headers.push(...rateLimitHeaders(scope ?? 'org', maxAllowed, 0))
  return { status, headers, body, requestId, retryAfterSeconds: retryAfter }
}

/** The quota fields of draft-ietf-httpapi-ratelimit-headers-10; none where the limit is no finite number. */
export function rateLimitHeaders(policy: string, maxAllowed: number, remaining: number): [string, string][] {
  if (!Number.isSafeInteger(maxAllowed)) return []
  return [
    ['RateLimit-Policy', `"${policy}";q=${maxAllowed};qu="concurrent-requests"`],
    ['RateLimit', `"${policy}";r=${Math.max(0, remaining)}`],
  ]
}

/**
 * Writes the answer whole to the raw socket and destroys the socket when it is flushed, at the latest after 2 s. The
 * socket must have an error listener already.
 *
 * Destroying a socket with unread bytes resets the connection, and a reset lets the peer's system throw away an answer
 * it has not read yet. So what comes in is drained, and a peer that spoke before its turn is waited for.
 */
export function sendProblem(socket: Duplex, problem: Problem, clock: Clock, head: Buffer): void {
  if (socket.destroyed || socket.writableEnded) {
    socket.destroy()
    return
  }
  const spokeEarly = head.length > 0 || socket.readableLength > 0
  const destroyWhenDone = () => {
    if (socket.writableFinished && (!spokeEarly || socket.readableEnded)) socket.destroy()
  }
  socket.once(
    'close',
    clock.after(FLUSH_LIMIT_MS, () => socket.destroy()),
  )
  socket.once('finish', destroyWhenDone)
  socket.once('end', destroyWhenDone)
  socket.resume()
  socket.end(serialized(problem))
}

function serialized({ status, headers, body }: Problem): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}
