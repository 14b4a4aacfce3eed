import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import { httpServer } from './listen.js'
import { skipBodies, stopParsing } from './stop-parsing.js'

/**
 * Node constructs one of these for each request before any listener runs, also for those that it answers by itself, and
 * none for an upgrade.
 */
class OnlyAnswer<R extends IncomingMessage = IncomingMessage> extends ServerResponse<R> {
  constructor(...given: ConstructorParameters<typeof ServerResponse<R>>) {
    super(...given)
    stopParsing(given[0].socket)
  }
}

/**
 * The clients' listener. Who has nothing to upgrade is told so, once, and its connection ends: of what it sends besides
 * nothing is looked at (L6).
 */
export function publicServer(listener: RequestListener): Server {
  const server = httpServer(listener, { ServerResponse: OnlyAnswer })
  return server.on('connection', (socket) => skipBodies(socket, () => true))
}
