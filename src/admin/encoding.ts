import type { MiddlewareHandler } from 'hono'
import { problem } from './problem.js'

/** Whether a part of an address is percent-encoded as it must be. Hono hands on what it cannot decode as it stands. */
export function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

/** Refuses an org id that nobody can decode: else "%ff" would be about another org, which is called so. */
export const decodableOrg: MiddlewareHandler = async (context, next) => {
  if (isDecodable(new URL(context.req.url).pathname)) return next()
  return problem(context, 400, 'INVALID_ORG', 'the org id in the path is not percent-encoded UTF-8')
}
