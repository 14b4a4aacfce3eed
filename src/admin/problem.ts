import type { Context } from 'hono'

/** An answer in problem details (RFC 9457) with a stable `code`. */
export function problem(
  context: Context,
  status: 400 | 401 | 403 | 404 | 409 | 429 | 500 | 503,
  code: string,
  title: string,
): Response {
  context.header('Cache-Control', 'no-store')
  const body = JSON.stringify({ type: `urn:headcount:error:${code}`, title, status, code })
  return context.body(body, status, { 'Content-Type': 'application/problem+json' })
}
