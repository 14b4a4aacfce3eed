import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** What Node has of its parser in a socket: not documented, and the same for many years. */
interface Parsing {
  readonly parser?: { onIncoming?: (request: IncomingMessage & { upgrade?: boolean }) => number } | null
}

/** To Node's parser: what follows is no HTTP. It gives up the rest of the packet then. */
const NO_HTTP = 2

/**
 * Parses no further request of this connection. Node makes a request and an answer of everything that has come in one
 * packet, some 2,400 of the smallest, even after the socket was destroyed: a tenth of a second in which nobody else has
 * a turn, for 64 KB of a stranger's. Should Node be made otherwise one day, this does nothing, and a test says so.
 */
export function stopParsing(socket: Socket): void {
  const { parser } = socket as Socket & Parsing
  if (!parser) return
  parser.onIncoming = (request) => {
    request.upgrade = false
    return NO_HTTP
  }
}
