import { WebSocket } from 'ws'
import { type Refusal, readRefusal, refusalInFrame } from './refusal.js'

export interface Target {
  readonly url: URL
  readonly key?: string
  readonly instanceId?: string
  /** Of an earlier connection, whose slot this one should have. */
  readonly resumeToken?: string
}

export interface Closing {
  readonly code: number
  readonly reason: string
}

export type Outcome =
  | {
      readonly kind: 'accepted'
      /** Absent where the server sent no `connection.ack`. */
      readonly connectionId?: string
      readonly resumeToken?: string
      readonly closed: Promise<Closing>
      /** Says goodbye, and hangs up by force if the server does not answer it. */
      close(): void
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly reason: string }

const DECISION_MS = 10_000
const ACK_MS = 5_000
const GOODBYE_MS = 2_000

/** Opens one connection as a gateway does. Always answers, within 15 s, and at once when `signal` aborts. */
export function attempt({ url, key, instanceId, resumeToken }: Target, signal: AbortSignal): Promise<Outcome> {
  const headers = {
    ...(key && { 'api-key': key }),
    ...(instanceId && { 'instance-id': instanceId }),
    ...(resumeToken && { 'resume-token': resumeToken }),
  }
  let socket: WebSocket
  try {
    socket = new WebSocket(url, { headers, perMessageDeflate: false, maxPayload: 1_024 * 1_024 })
  } catch (error) {
    // A key with a line break, for one, does not fit into a header.
    return Promise.resolve({ kind: 'failed', reason: (error as Error).message })
  }
  const closed = new Promise<Closing>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  return new Promise((resolve) => {
    let late = () => fail(`${url.host} did not answer within ${DECISION_MS / 1_000} s`)
    let timer = setTimeout(() => late(), DECISION_MS)
    const abort = () => fail('interrupted')
    signal.addEventListener('abort', abort, { once: true })

    function settle(outcome: Outcome) {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      resolve(outcome)
    }
    function fail(reason: string) {
      settle({ kind: 'failed', reason })
      socket.terminate()
    }
    function accept(ack: Ack = {}) {
      settle({ kind: 'accepted', ...ack, closed, close: () => hangUp(socket) })
    }
    // This listener stays: a socket that breaks later says so by an error before its close.
    socket.on('error', (error) => settle({ kind: 'failed', reason: describeError(error, url) }))
    socket.once('unexpected-response', (request, response) => {
      late = () => response.destroy()
      void readRefusal(response).then((refusal) => {
        settle({ kind: 'refused', refusal })
        request.destroy()
      })
    })
    socket.once('open', () => {
      clearTimeout(timer)
      timer = setTimeout(() => accept(), ACK_MS)
    })
    let refusal: Omit<Refusal, 'status'> | undefined
    socket.once('message', (data) => {
      refusal = refusalInFrame(String(data))
      if (refusal === undefined) return accept(ackIn(String(data)))
      clearTimeout(timer)
      timer = setTimeout(() => socket.terminate(), ACK_MS)
    })
    void closed.then(({ code }) => {
      if (refusal === undefined) settle({ kind: 'failed', reason: `closed with ${code} before it was acknowledged` })
      else settle({ kind: 'refused', refusal: { status: code, ...refusal } })
    })
    if (signal.aborted) abort()
  })
}

function hangUp(socket: WebSocket): void {
  const force = setTimeout(() => socket.terminate(), GOODBYE_MS)
  socket.once('close', () => clearTimeout(force))
  socket.close(1000)
}

type Ack = { readonly connectionId?: string; readonly resumeToken?: string }

function ackIn(frame: string): Ack {
  try {
    const { type, connectionId, resumeToken } = JSON.parse(frame)
    if (type !== 'connection.ack' || typeof connectionId !== 'string') return {}
    return { connectionId, ...(typeof resumeToken === 'string' && { resumeToken }) }
  } catch {
    return {}
  }
}

const EXPLANATIONS: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there; is the server running?',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name of the host cannot be resolved now',
  ECONNRESET: 'the connection was reset',
  ETIMEDOUT: 'no answer',
}

function describeError(error: Error & { code?: string }, url: URL): string {
  return `cannot connect to ${url.host}: ${EXPLANATIONS[error.code ?? ''] ?? (error.message || error.code)}`
}
