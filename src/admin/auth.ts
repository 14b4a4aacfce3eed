import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import { retryAfterSeconds } from '../core/retry-after.js'
import type { RateMeter } from '../gate/rate-meter.js'
import { countedAs } from '../net/counted-address.js'
import { problem } from './problem.js'

/** What a token lets its bearer do: look and change, or look. */
export type Role = 'admin' | 'read'

export interface Guard {
  readonly tokens: Readonly<Partial<Record<Role, string>>> & { readonly admin: string }
  /** Where a request comes from; all that do not say so count as one. */
  readonly addressOf: (request: IncomingMessage) => string | undefined
  /** Counts wrong tokens by address. */
  readonly wrongTokens: RateMeter
  /**
   * Hears of every wrong token: the how manieth it is of its address in this minute, and whether that now has to wait.
   */
  readonly onWrongToken: (wrong: { readonly address: string; readonly nth: number; readonly isLast: boolean }) => void
}

export interface AdminEnv {
  Variables: {
    role: Role
    address: string
    /** What a change of a limit has changed, or was to change, for the audit log. */
    change: { readonly before: object; readonly after: object } | { readonly before: object; readonly asked: object }
  }
  /** What @hono/node-server hands over. */
  Bindings: { incoming?: IncomingMessage; outgoing?: ServerResponse }
}

const LOOKS = ['GET', 'HEAD', 'OPTIONS']

/**
 * Lets only bearers of a token through, and those of the reading one only to look. Compares digests, in constant time
 * and whatever the length. An address that has sent too many wrong tokens within a minute is told to wait even with the
 * right one: else it could go on guessing.
 */
export function bearer({ tokens, addressOf, wrongTokens, onWrongToken }: Guard): MiddlewareHandler<AdminEnv> {
  const roles = (['admin', 'read'] as const).flatMap((role) => {
    const token = tokens[role]
    return token === undefined ? [] : [{ role, digest: digest(token) }]
  })
  return async (context, next) => {
    const { incoming } = context.env
    const address = (incoming && addressOf(incoming)) ?? 'unknown'
    const counted = countedAs(address)
    context.set('address', address)
    const given = tokenOf(context)
    const found = given && roles.filter((each) => timingSafeEqual(digest(given), each.digest))[0]
    // Asked about and counted in one turn: of requests in one packet each finds those before it.
    const asking = wrongTokens.exhaustedMs(counted)
    const counting = given && !found ? wrongTokens.nth(counted) : undefined
    const waitMs = await asking
    if (waitMs !== undefined) {
      context.header('Retry-After', String(retryAfterSeconds(waitMs)))
      return problem(context, 429, 'TOO_MANY_WRONG_TOKENS')
    }
    if (!found) {
      if (counting) onWrongToken({ address, ...(await counting) })
      context.header('WWW-Authenticate', 'Bearer realm="headcount admin"')
      return problem(context, 401, 'UNAUTHENTICATED')
    }
    context.set('role', found.role)
    if (found.role === 'read' && !LOOKS.includes(context.req.method)) {
      return problem(context, 403, 'FORBIDDEN')
    }
    return next()
  }
}

function tokenOf(context: Context): string | undefined {
  return /^Bearer +(.+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
