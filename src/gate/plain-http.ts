import type { RequestListener } from 'node:http'
import { systemClock } from '../core/clock.js'
import { pathOf } from './path-of.js'
import { problemOf } from './refuse.js'

/**
 * Answers requests that are no upgrades on a listener that speaks WebSocket only: 426 at a WebSocket endpoint, 404
 * elsewhere. `accepts` receives the path without the query.
 */
export function webSocketOnly(accepts: (path: string) => boolean): RequestListener {
  return (request, response) => {
    const code = accepts(pathOf(request)) ? 'UPGRADE_REQUIRED' : 'NOT_FOUND'
    const { status, headers, body } = problemOf({ code }, systemClock.wallMs(), Math.random)
    request.resume()
    response.writeHead(status, headers.flat())
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}
