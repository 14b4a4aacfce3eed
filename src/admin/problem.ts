import type { Context } from 'hono'

/** What each code is called, the same in every answer that has it. */
export const titles: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'The admin token is missing or wrong',
  FORBIDDEN: 'This token may look and not change anything',
  TOO_MANY_WRONG_TOKENS: 'This address has sent too many wrong tokens',
  TOO_MANY_VIEWERS: 'This node has as many viewers as it takes, or is stopping',
  NOT_FOUND: 'There is nothing at this path',
  CONNECTION_NOT_FOUND: 'No node holds such a connection',
  NODE_NOT_FOUND: 'No live node has this name or lease',
  AMBIGUOUS_NODE: 'Several nodes have this name',
  INVALID_CURSOR: 'The cursor is none that an earlier page gave',
  INVALID_QUERY: 'A parameter behind the "?" is wrong',
  INVALID_ORG: 'No org can have this id',
  INVALID_LIMIT: 'The body says no limit or tier that could be set',
  INVALID_TERMS: 'A limit cannot be set on these terms',
  INVALID_REASON: 'The reason is too long, or empty',
  UNKNOWN_TIER: 'There is no such tier',
  STORE_UNAVAILABLE: 'The store did not answer in time, or did not confirm',
  INTERNAL_ERROR: 'The request failed; the log of the node says why',
}

/**
 * An answer in problem details (RFC 9457) with a stable `code`. `detail`, where there is more to say than the title
 * does, is a sentence on this very refusal.
 */
export function problem(
  context: Context,
  status: 400 | 401 | 403 | 404 | 409 | 429 | 500 | 503,
  code: string,
  detail?: string,
): Response {
  context.header('Cache-Control', 'no-store')
  const title = titles[code] ?? 'This cannot be done'
  const body = JSON.stringify({ type: `urn:headcount:error:${code}`, title, status, code, detail })
  return context.body(body, status, { 'Content-Type': 'application/problem+json' })
}
