import type { MiddlewareHandler } from 'hono'
import type { Log } from '../observe/log.js'
import type { AdminEnv } from './auth.js'
import type { TurnedAway } from './turned-away.js'

/** What `bearer` says to who may not make a change. */
const TURNED_AWAY = [401, 403, 429]

/**
 * Writes a line for each change that was asked for and answered: who asked, for what, and how it ended. What a limit
 * was before and is now stands in it too, where the change is one of a limit; where that could not be read afterwards,
 * what was asked for. It stands outside `bearer`: whoever was not let through leaves a line as well, as long as there
 * are not too many of them.
 */
export function logChanges(log: Log, turnedAway: Pick<TurnedAway, 'add'>): MiddlewareHandler<AdminEnv> {
  return async (context, next) => {
    await next()
    const { method, path } = context.req
    if (method === 'GET' || method === 'HEAD') return
    const { role, address, change } = context.var
    const status = context.res.status
    if (TURNED_AWAY.includes(status)) return turnedAway.add({ role, address, method, path, status })
    log.info({ audit: true, role, address, method, path, status, ...change }, 'an operator asked')
  }
}
