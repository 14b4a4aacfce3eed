import type { MiddlewareHandler } from 'hono'
import type { Log } from '../observe/log.js'
import type { AdminEnv } from './auth.js'

/**
 * Writes a line for each change that was asked for and answered: who asked, for what, and how it ended. What a limit
 * was before and is now stands in it too, where the change is one of a limit; where that could not be read afterwards,
 * what was asked for. It stands outside `bearer`: whoever was not let through leaves a line as well, without a role.
 */
export function audit(log: Log): MiddlewareHandler<AdminEnv> {
  return async (context, next) => {
    await next()
    const { method } = context.req
    if (method === 'GET' || method === 'HEAD') return
    const { role, address, change } = context.var
    const status = context.res.status
    log.info({ audit: true, role, address, method, path: context.req.path, status, ...change }, 'an operator asked')
  }
}
