import type { IncomingMessage } from 'node:http'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { Admitted } from '../core/admission.js'
import type { Clock } from '../core/clock.js'
import { guardFrames } from './frame-guard.js'
import { GATE_DEFAULTS } from './gate-options.js'
import type { Identity } from './identify.js'
import { Link } from './link.js'
import { PacedReading } from './paced-reading.js'
import type { ClosingWords } from './reject.js'
import type { Upgrade } from './upgrade.js'

export type { WebSocketServer } from 'ws'

/** Who has been let in. */
export interface Welcome {
  readonly identity: Identity
  readonly admitted: Admitted
}

/** Turns admitted upgrades into WebSockets. */
export interface Sockets {
  /**
   * Completes the handshake and calls `opened` before any frame is sent or read. Where the peer is already gone (or
   * the owner of the WebSocket server turns it away), `opened` is never called, and the raw socket closes.
   */
  complete(upgrade: Upgrade, headers: Headers, welcome: Welcome, opened: (link: Link) => void): void
  /**
   * Completes the handshake of a refused upgrade only to say why: one frame and a close. The socket is closed within
   * 2 s, whatever the peer does; the owner of the WebSocket server never sees it.
   */
  turnAway(upgrade: Upgrade, words: ClosingWords): void
  /** Takes its listener off the WebSocket server. */
  detach(): void
}

export interface OwnSocketsOptions {
  /** Longest message in bytes; a longer one closes the connection with 1009. */
  readonly maxPayloadBytes?: number
  /** How long a peer may take to answer a close frame. */
  readonly closeTimeoutMs?: number
}

/**
 * A message of the longest payload comes in some fifty packets. Who sends it byte by byte, or in thousands of
 * fragments, wants the memory that keeping each piece costs, which is a hundred times the payload.
 */
const MAX_PIECES = 1_024

const DEFAULTS: Required<OwnSocketsOptions> = {
  maxPayloadBytes: 64 * 1024,
  closeTimeoutMs: GATE_DEFAULTS.closeTimeoutMs,
}

/** WebSockets of our own, whose first message is `connection.ack`. What peers send is read and dropped. */
export function ownSockets(clock: Clock, options: OwnSocketsOptions = {}): Sockets {
  const { maxPayloadBytes, closeTimeoutMs } = { ...DEFAULTS, ...options }
  const wss = boundedServer(maxPayloadBytes, MAX_PIECES, closeTimeoutMs)
  const greet: Greet = (ws, _request, welcome) => ws.send(ackFrame(welcome, clock.wallMs()))
  return socketsOf(wss, clock, greet, new PacedReading(clock))
}

/**
 * The WebSockets of somebody else's server, which must have been made with `noServer: true`: each is handed over by its
 * `connection` event, with the `Admitted` as the third argument.
 */
export function adoptedSockets(wss: WebSocketServer, clock: Clock): Sockets {
  return socketsOf(wss, clock, (ws, request, { admitted }) => wss.emit('connection', ws, request, admitted))
}

/** As long as a refused client may take to read an answer in HTTP. */
const TURN_AWAY_MS = 2_000
/**
 * What a peer that is being turned away sends is dropped, and it has no reason to send more than its close. Beyond this
 * its frames are not even parsed; whoever spoke before it could know is told all the same.
 */
const TURN_AWAY_PAYLOAD_BYTES = 512
const TURN_AWAY_PIECES = 8

type Headers = readonly (readonly [name: string, value: string])[]

type Greet = (ws: WebSocket, request: IncomingMessage, welcome: Welcome) => void

/** Without `pace` whoever takes the messages sees to it that no peer has him take too many at a time. */
function socketsOf(wss: WebSocketServer, clock: Clock, greet: Greet, pace?: PacedReading): Sockets {
  const turningAway = boundedServer(TURN_AWAY_PAYLOAD_BYTES, TURN_AWAY_PIECES)
  const paceAway = pace ?? new PacedReading(clock)
  // What the 101 is to say besides stands on the request itself (ADR 23), and under a name of its own, because several
  // gates may share a WebSocket server, and each hears of all its answers.
  const ours = Symbol('headers')
  type Answered = IncomingMessage & { [ours]?: Headers }
  const addHeaders = (headers: string[], request: Answered) => {
    for (const [name, value] of request[ours] ?? []) headers.push(`${name}: ${value}`)
  }
  wss.on('headers', addHeaders)
  return {
    complete(upgrade, headers, welcome, opened) {
      // Once open, the upgrade has forgotten it.
      const { request } = upgrade
      ;(request as Answered)[ours] = headers
      pace?.pace(upgrade.socket)
      inOnePiece(wss, upgrade, (ws) => {
        // A malformed frame is an `error` event; without a listener it would end the process. ws closes by itself.
        ws.on('error', nothing)
        const { admitted } = welcome
        if (admitted.mayCarryFrames) guardFrames(ws, upgrade.socket, admitted.mayCarryFrames)
        // The owner of the WebSocket server may have waited, and what is thrown here would be thrown into its code.
        try {
          opened(new Link(ws, upgrade.socket, clock))
          greet(ws, request, welcome)
        } catch (error) {
          // Once the 101 is written: it is an open connection that closes.
          queueMicrotask(() => upgrade.fail(error))
        }
      })
    },
    turnAway(upgrade, words) {
      paceAway.pace(upgrade.socket)
      inOnePiece(turningAway, upgrade, (ws) => {
        ws.on('error', nothing)
        ws.send(words.frame)
        ws.close(words.close, words.reason)
        upgrade.atClose(clock.after(TURN_AWAY_MS, () => ws.terminate()))
      })
    },
    detach: () => void wss.off('headers', addHeaders),
  }
}

function boundedServer(maxPayload: number, maxPieces: number, closeTimeout?: number): WebSocketServer {
  // The published types of ws do not know these yet.
  const settings: ServerOptions & { closeTimeout?: number; maxFragments: number; maxBufferedChunks: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    maxFragments: maxPieces,
    maxBufferedChunks: maxPieces,
    ...(closeTimeout !== undefined && { closeTimeout }),
  }
  return new WebSocketServer(settings)
}

/** The 101 and what follows at once leave together: nothing in an upgrade costs more than a write to the socket. */
function inOnePiece(wss: WebSocketServer, { request, socket, head }: Upgrade, opened: (ws: WebSocket) => void): void {
  socket.cork()
  try {
    wss.handleUpgrade(request, socket, head, opened)
  } finally {
    socket.uncork()
  }
}

/** Clients may adapt to the limit; one that knows the first four fields alone reads past the others. */
function ackFrame({ identity, admitted }: Welcome, wallMs: number): string {
  const { currentCount, maxAllowed, resumeToken } = admitted
  const isLimited = Number.isFinite(maxAllowed)
  return JSON.stringify({
    type: 'connection.ack',
    gatewayId: identity.gateway,
    connectionId: admitted.connectionId,
    timestamp: new Date(wallMs).toISOString(),
    ...(resumeToken !== undefined && { resumeToken }),
    ...(isLimited && { limit: maxAllowed, remaining: Math.max(0, maxAllowed - currentCount) }),
  })
}

function nothing(): void {}
