import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MiddlewareHandler } from 'hono'
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
  const roleOf = rolesBy(tokens)
  return async (context, next) => {
    const { incoming } = context.env
    const address = (incoming && addressOf(incoming)) ?? 'unknown'
    const counted = countedAs(address)
    context.set('address', address)
    const given = tokenOf(context.req.header('authorization'))
    const role = given && roleOf(given)
    // Asked about and counted in one turn: of requests in one packet each finds those before it.
    const asking = wrongTokens.exhaustedMs(counted)
    const counting = given && !role ? wrongTokens.nth(counted) : undefined
    const waitMs = await asking
    if (waitMs !== undefined) {
      context.header('Retry-After', String(retryAfterSeconds(waitMs)))
      return problem(context, 429, 'TOO_MANY_WRONG_TOKENS')
    }
    if (!role) {
      if (counting) onWrongToken({ address, ...(await counting) })
      context.header('WWW-Authenticate', 'Bearer realm="headcount admin"')
      return problem(context, 401, 'UNAUTHENTICATED')
    }
    context.set('role', role)
    if (role === 'read' && !LOOKS.includes(context.req.method)) {
      return problem(context, 403, 'FORBIDDEN')
    }
    return next()
  }
}

/** Whether `bearer` lets through a change with this `Authorization`, if it lets its address through. */
export function changesBy(tokens: Guard['tokens']): (authorization: string | undefined) => boolean {
  const roleOf = rolesBy(tokens)
  return (authorization) => {
    const given = tokenOf(authorization)
    return given !== undefined && roleOf(given) === 'admin'
  }
}

function rolesBy(tokens: Guard['tokens']): (given: string) => Role | undefined {
  const roles = (['admin', 'read'] as const).flatMap((role) => {
    const token = tokens[role]
    return token === undefined ? [] : [{ role, digest: digest(token) }]
  })
  return (given) => {
    const sent = digest(given)
    return roles.filter((each) => timingSafeEqual(sent, each.digest))[0]?.role
  }
}

function tokenOf(authorization = ''): string | undefined {
  return /^Bearer +(.+)$/i.exec(authorization)?.[1]
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
