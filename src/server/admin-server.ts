import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { MAX_BODY_BYTES } from '../admin/limit-body.js'
import { STALLED_MS } from '../admin/routes/events.js'
import { httpServer } from './listen.js'
import { skipBodies, stopParsing } from './stop-parsing.js'

/** Many times as many as probes, scrapes, operators and 100 viewers need. */
const MOST_CONNECTIONS = 1_024

/** Of one connection. Browsers, Prometheus and proxies send a request when they have the answer to the one before. */
const MOST_UNDER_WAY = 4

/** Twice as many as browsers behind several proxies send. */
const MANY_HEADERS = 100

interface Answering {
  readonly listener: RequestListener
  /** Whether a body is of use to it, by who sends it. */
  readonly mayChange: (request: IncomingMessage) => boolean
}

export interface AdminServerBounds {
  readonly mostConnections?: number
  readonly stalledMs?: number
}

/** Answers that a connection waits for, or has not taken yet. */
const underWay = new WeakMap<Socket, number>()

/**
 * Counts the requests of a connection that are under way. Node constructs one of these for each request before any
 * listener runs, also for those that it answers by itself (400 without a host): so a packet of thousands ends its
 * connection here.
 */
class CountedAnswer<R extends IncomingMessage = IncomingMessage> extends ServerResponse<R> {
  constructor(...given: ConstructorParameters<typeof ServerResponse<R>>) {
    super(...given)
    const { socket } = given[0]
    const count = countOf(socket) + 1
    underWay.set(socket, count)
    this.once('close', () => underWay.set(socket, countOf(socket) - 1))
    if (count <= MOST_UNDER_WAY) return
    stopParsing(socket)
    socket.destroy()
  }
}

/**
 * The operators' listener. Whoever reaches it may ask for health, metrics and the dashboard without credentials, so what
 * one connection and all of them hold is bounded (L6): by the requests under way of each, by the time in which a reader
 * has to take something of its answer, and by their number.
 */
export function adminServer(
  { listener, mayChange }: Answering,
  { mostConnections = MOST_CONNECTIONS, stalledMs = STALLED_MS }: AdminServerBounds = {},
): Server {
  const heeded: RequestListener = (request, response) => {
    if (!request.socket.destroyed) listener(request, response)
  }
  const server = httpServer(heeded, { ServerResponse: CountedAnswer })
  const isLast = (request: IncomingMessage) => hasLongBody(request) || hasManyHeaders(request)
  const isRead = (request: IncomingMessage) => mayBeRead(request) && mayChange(request)
  const reading = { isRead, mostBytes: MAX_BODY_BYTES }
  server.on('connection', (socket) => skipBodies(socket, isLast, reading))
  server.maxConnections = mostConnections
  // Neither a byte came nor was one taken for so long, or the time of a connection that is kept alive is over. An answer
  // that is still being made, and a stream that has nothing to say, keep nobody waiting.
  server.setTimeout(stalledMs, (socket) => {
    if (socket.writableLength > 0 || countOf(socket) === 0) socket.destroy()
  })
  return server
}

/** Of which much may still be to come when it is answered. Whoever is answered has said enough. */
function hasLongBody(request: IncomingMessage): boolean {
  return isChunked(request) || isLong(request)
}

/**
 * Three thousand fit into a request, and take Node half a millisecond. Who has to come again for the next finds that of
 * newcomers one is let in at a time.
 */
function hasManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MANY_HEADERS
}

/** Only a limit that is set comes with a body that is read, and one that says of itself that it is too long does not. */
function mayBeRead(request: IncomingMessage): boolean {
  return request.method === 'PUT' && (isChunked(request) || !isLong(request))
}

function isLong({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES
}

function isChunked({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined
}

function countOf(socket: Socket): number {
  return underWay.get(socket) ?? 0
}
