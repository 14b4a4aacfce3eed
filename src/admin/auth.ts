import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { problem } from './problem.js'

/** Lets only bearers of the admin token through. Compares digests, in constant time and whatever the length. */
export function bearer(token: string): MiddlewareHandler {
  const expected = digest(token)
  return async (context, next) => {
    const given = /^Bearer +(.+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next()
    context.header('WWW-Authenticate', 'Bearer realm="headcount admin"')
    return problem(context, 401, 'UNAUTHENTICATED', 'The admin token is missing or wrong')
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
