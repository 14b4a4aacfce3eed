import type { IncomingMessage } from 'node:http'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { resetSocket } from '../../src/net/reset-socket.js'
import type { Log } from '../log.js'
import { type Leave, OF_ITS_OWN } from '../records.js'

/** One attempt to connect, and the connection if it comes to one. All that the client sees of it is written down. */
export type Outcome =
  | { readonly kind: 'opened'; readonly connection: Connection }
  | { readonly kind: 'refused'; readonly retryAfterMs: number }
  | { readonly kind: 'failed' }

/** With this a client shows that a connection was its own. */
export interface Ticket {
  readonly attempt: number
  readonly token: string
}

export interface Connection {
  readonly id: string
  readonly ticket: Ticket
  /** When the last ping was sent that the server answered, or when it was opened. */
  readonly provenMs: () => number
  /** Resolves when it is gone; never rejects. */
  readonly closed: Promise<void>
  ping(): void
  /** Something that is no ping; the server does not answer it. */
  say(text: string): void
  /** Reads nothing more, so that neither pings nor pongs arrive. */
  stopReading(): void
  leave(how: Leave): void
}

export interface Knock {
  readonly log: Log
  readonly url: string
  readonly org: string
  readonly node: number
  /** What kind of client this is; for whoever reads the records. */
  readonly by: string
  /** Resets the connection after so long if there is no answer yet. */
  readonly resetAfterMs?: number
  readonly resumes?: Ticket | undefined
  /** What the client calls itself. */
  readonly instance?: string | undefined
  /** It has no network as soon as it has asked: it hears nothing, gives up after a while, and is gone in the end. */
  readonly loses?: { readonly givesUpAfterMs: number; readonly gone: Promise<unknown> } | undefined
}

/** A client that is told nothing gives up. Well above the 3 s that the server has (L6), so that a breach is seen. */
const GIVE_UP_MS = 12_000

let attempts = 0

export function knock({ log, url, org, node, by, resetAfterMs, resumes, instance, loses }: Knock): Promise<Outcome> {
  const attempt = ++attempts
  let socket: Socket | undefined
  const claims = { ...(resumes && { resumes: resumes.attempt }), ...(instance !== undefined && { instance }) }
  log.write({ is: 'asked', attempt, org, node, by, ...claims })
  const ws = new WebSocket(url, {
    headers: {
      'api-key': org,
      ...(resumes && { 'resume-token': resumes.token }),
      ...(instance !== undefined && { 'instance-id': instance }),
    },
    perMessageDeflate: false,
    createConnection: ((options: NetConnectOpts) => {
      socket = connect(options)
      if (loses) socket.pause()
      return socket
    }) as typeof connect,
  })
  return new Promise((resolve) => {
    let settled = false
    const settle = (outcome: Outcome) => {
      settled = true
      clearTimeout(giveUp)
      clearTimeout(reset)
      resolve(outcome)
    }
    const fail = (reason: string) => {
      if (settled) return
      log.write({ is: 'failed', attempt, reason })
      settle({ kind: 'failed' })
    }
    const giveUp = setTimeout(() => {
      fail('no answer')
      ws.terminate()
    }, GIVE_UP_MS)
    const breakOff = () => {
      fail(OF_ITS_OWN.reset)
      if (socket) resetSocket(socket)
    }
    if (loses) {
      log.write({ is: 'leaving', attempt, how: 'silence' })
      setTimeout(fail, loses.givesUpAfterMs, OF_ITS_OWN.lost)
      void loses.gone.then(breakOff)
    }
    const reset = resetAfterMs === undefined ? undefined : setTimeout(breakOff, resetAfterMs)
    ws.on('error', (error) => fail(error.message))
    ws.once('close', (code) => fail(`closed with ${code} before the first frame`))
    ws.once('unexpected-response', (_request, response) => {
      refusalOf(response).then(
        ({ refusal, retryAfterMs }) => {
          if (settled) return
          log.write({ is: 'refused', attempt, ...refusal })
          settle({ kind: 'refused', retryAfterMs })
        },
        (error: Error) => fail(error.message),
      )
    })
    ws.once('message', (data) => {
      if (settled) return
      const { connectionId: id, resumeToken: token } = JSON.parse(data.toString()) as Record<string, string>
      log.write({ is: 'opened', attempt, id: id! })
      const connection = opened(log, { attempt, token: token! }, id!, ws, () => socket && resetSocket(socket))
      settle({ kind: 'opened', connection })
    })
  })
}

function opened(log: Log, ticket: Ticket, id: string, ws: WebSocket, reset: () => void): Connection {
  const { attempt } = ticket
  let provenMs = log.nowMs()
  ws.on('pong', (sentMs) => {
    provenMs = Math.max(provenMs, Number(sentMs.toString()))
  })
  const closed = new Promise<void>((resolve) => {
    ws.once('close', (code) => {
      log.write({ is: 'closed', attempt, code, provenMs })
      resolve()
    })
  })
  const ways: Record<Leave, () => void> = {
    close: () => ws.close(1000),
    reset,
    silence: () => ws.pause(),
    impatience: () => ws.terminate(),
  }
  const isOpen = () => ws.readyState === WebSocket.OPEN
  return {
    id,
    ticket,
    closed,
    provenMs: () => provenMs,
    ping: () => isOpen() && ws.ping(String(log.nowMs())),
    say: (text) => isOpen() && ws.send(text),
    stopReading() {
      log.write({ is: 'deaf', attempt })
      ws.pause()
    },
    leave(how) {
      if (ws.readyState === WebSocket.CLOSED) return
      log.write({ is: 'leaving', attempt, how })
      ways[how]()
    },
  }
}

async function refusalOf(response: IncomingMessage) {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  const body = JSON.parse(text) as { code?: string; currentCount?: number; maxAllowed?: number }
  const refusal = {
    status: response.statusCode ?? 0,
    code: body.code ?? 'without a code',
    ...(body.currentCount !== undefined && { count: body.currentCount }),
    ...(body.maxAllowed !== undefined && { limit: body.maxAllowed }),
  }
  return { refusal, retryAfterMs: Number(response.headers['retry-after'] ?? 0) * 1_000 }
}
