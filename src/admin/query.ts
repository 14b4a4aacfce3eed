import type { Context } from 'hono'
import type { z } from 'zod'
import { isDecodable } from './encoding.js'
import { problem } from './problem.js'

const CODES: Readonly<Record<string, string>> = {
  cursor: 'INVALID_CURSOR',
  org: 'INVALID_ORG',
  reason: 'INVALID_REASON',
}

/** What stands behind the `?`, read by its schema; the refusal where it is wrong. What is not asked for is ignored. */
export function readQuery<S extends z.ZodType>(context: Context, schema: S): z.output<S> | Response {
  if (!isDecodable(new URL(context.req.url).search)) {
    return problem(context, 400, 'INVALID_QUERY', 'what follows the "?" is not percent-encoded UTF-8')
  }
  const read = schema.safeParse(context.req.query())
  if (read.success) return read.data
  const { path, message } = read.error.issues[0]!
  return problem(context, 400, CODES[String(path[0])] ?? 'INVALID_QUERY', message)
}
