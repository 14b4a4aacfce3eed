import { Agent, type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http'
import { request as requestOverTls, Agent as TlsAgent } from 'node:https'
import { type Clock, within } from '../core/clock.js'
import { lookUpHost } from '../net/host-lookup.js'

export interface HttpCallerOptions {
  /** `http:` or `https:`; every call goes to exactly this address. */
  readonly url: string
  readonly clock: Clock
  /** From the call to the last byte of the answer that counts. */
  readonly timeoutMs: number
  /** Connections at a time; calls beyond that wait, within their own deadline. */
  readonly maxSockets: number
  /** A longer answer counts as none, where its body counts; 64 KiB where absent. */
  readonly maxAnswerBytes?: number
}

export interface HttpCall {
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The status is all that counts, also of a 200. */
  readonly statusOnly?: boolean
}

export type HttpAnswer =
  /** `body` is that of a 200; of others, and where only the status counts, it is empty. */
  | { readonly answered: true; readonly status: number; readonly body: string }
  /** `cause` is for people, and holds neither the address nor what was sent. */
  | { readonly answered: false; readonly cause: string }

const MAX_ANSWER_BYTES = 64 * 1024
/** Most that comes at all comes with the status; a connection is not worth a longer wait. */
const REST_MS = 100

/**
 * Asks one HTTP server, and always comes back within the deadline: with its answer, or with the reason why there is
 * none. Never rejects. Follows no redirect, because what is sent may be a credential. A call may reach the server
 * twice, where a connection that was kept open broke under it.
 *
 * A status is told at once, whatever becomes of a body that says nothing more: a long page, one that breaks off or never
 * ends must not make a refusal, or a receipt, count as a server that is away.
 */
export class HttpCaller {
  readonly #options: HttpCallerOptions
  readonly #request: typeof requestPlain
  readonly #agent: Agent
  readonly #calls = new Set<AbortController>()
  #closed = false

  constructor(options: HttpCallerOptions) {
    this.#options = options
    const isTls = options.url.startsWith('https:')
    const settings = { keepAlive: true, maxSockets: options.maxSockets, lookup: lookUpHost }
    this.#request = isTls ? requestOverTls : requestPlain
    this.#agent = isTls ? new TlsAgent(settings) : new Agent(settings)
  }

  /** `signal` cancels the call; it is then answered by no answer. */
  async call(call: HttpCall, signal?: AbortSignal): Promise<HttpAnswer> {
    if (this.#closed || signal?.aborted) return { answered: false, cause: 'cancelled' }
    const { clock, timeoutMs } = this.#options
    const over = new AbortController()
    const leave = () => over.abort('cancelled')
    const cancelDeadline = clock.after(timeoutMs, () => over.abort(`no answer within ${timeoutMs} ms`))
    signal?.addEventListener('abort', leave, { once: true })
    this.#calls.add(over)
    try {
      return await this.#ask(call, over.signal)
    } catch (error) {
      return { answered: false, cause: over.signal.aborted ? String(over.signal.reason) : causeOf(error) }
    } finally {
      cancelDeadline()
      signal?.removeEventListener('abort', leave)
      this.#calls.delete(over)
    }
  }

  /** Cancels the calls under way and lets go of the connections. */
  close(): void {
    this.#closed = true
    for (const call of this.#calls) call.abort('cancelled')
    this.#agent.destroy()
  }

  #ask(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    const { method, headers, body = '', statusOnly } = call
    const { url, clock, maxAnswerBytes = MAX_ANSWER_BYTES } = this.#options
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      signal,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    }
    return new Promise((resolve, reject) => {
      let isTold = false
      // Whatever Node makes of the abort, and whether or not it says so.
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      const request = this.#request(url, options, (response) => {
        const { statusCode: status = 0 } = response
        const text = textOf(response, maxAnswerBytes)
        isTold = statusOnly || status !== 200
        if (isTold) {
          resolve({ answered: true, status, body: '' })
          // Read to its end, it leaves a connection for the next call.
          void within(clock, REST_MS, text).then(() => response.destroy())
        } else text.then((body) => resolve({ answered: true, status, body }), reject)
      })
      // Without a listener Node closes the connection and tells nobody.
      request.on('upgrade', (_, socket) => {
        socket.destroy()
        reject(new Error('the answer switches protocols'))
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server had closed the connection, and its word crossed with our call.
        const isStale = request.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted && !isTold
        if (isStale) this.#ask(call, signal).then(resolve, reject)
        else reject(error)
      })
      request.end(body)
    })
  }
}

async function textOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    // Leaving the loop by an exception destroys the response, and with it the connection.
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function causeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
