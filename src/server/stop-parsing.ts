import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** What Node has of its parser in a socket: not documented, and the same for many years. */
interface Parsing {
  readonly parser?: {
    onIncoming?: (request: IncomingMessage & { upgrade?: boolean }, keepAlive: boolean) => number
  } | null
}

/** As above. */
type Dumping = IncomingMessage & { _dump?: () => void }

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

type Which = (request: IncomingMessage) => boolean

/**
 * Ends this connection with the answer to a request that `isLast` names, and the answer says so. Its body is not parsed,
 * unless `isRead` names it too: what follows its headers in the packet is given up, and nothing more is read. Node calls our
 * code for each chunk of a body, ten thousand times for a packet in which each is a byte, and the system hands over thirty
 * such packets in one go. A body that is read is handed on in one piece, and of more than `mostBytes` the beginning. To be
 * called before anything has come.
 */
export function skipBodies(
  socket: Socket,
  isLast: Which,
  reading?: { readonly isRead: Which; readonly mostBytes: number },
): void {
  const { parser } = socket as Socket & Parsing
  const take = parser?.onIncoming
  if (!parser || !take) return
  parser.onIncoming = (request, keepAlive) => {
    const isTheLast = isLast(request)
    const isSkipped = isTheLast && !reading?.isRead(request)
    if (reading && isTheLast && !isSkipped) handOnWhole(request, reading.mostBytes)
    // What comes behind its headers is no request that could be answered.
    const said = take(request, keepAlive && !isTheLast)
    if (request.upgrade || !isSkipped) return said
    socket.pause()
    return NO_HTTP
  }
}

/**
 * Whoever reads a body has work for each piece of it, and only the whole of it says anything. What is beyond the bound it
 * hears of once; nothing is read then but what has come with it.
 */
function handOnWhole(request: IncomingMessage, mostBytes: number): void {
  // By itself Node reads on without us when it is answered, to throw away what is left.
  ;(request as Dumping)._dump = () => {}
  const push = request.push
  const chunks: Buffer[] = []
  let bytes = 0
  request.push = (chunk: Buffer | null) => {
    if (bytes > mostBytes) return chunk ? true : push.call(request, null)
    if (chunk) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes <= mostBytes) return true
      readNoMore(request.socket)
    }
    push.call(request, Buffer.concat(chunks))
    return chunk ? true : push.call(request, null)
  }
}

/** Node goes on reading whenever somebody wants more of the body. */
function readNoMore(socket: Socket): void {
  socket.on('resume', () => socket.pause()).pause()
}
