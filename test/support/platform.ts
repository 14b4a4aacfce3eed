import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { onTestFinished } from 'vitest'
import { freePort } from './ports.js'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What the platform answers: a status and a body, or nothing, for ever. */
export type PlatformAnswer = { readonly status: number; readonly body?: string | object } | 'silence'

/** A platform's HTTP server that headcount asks or tells: it may answer, be silent or be away. */
export interface Platform {
  readonly url: string
  /** Every request that came whole, the oldest first. */
  readonly asked: Asked[]
  /** Requests that have no answer yet. */
  waiting(): number
  answer: (asked: Asked) => PlatformAnswer | Promise<PlatformAnswer>
  /** Stops listening and cuts all connections. */
  goAway(): Promise<void>
  /** Listens again, at the same address. */
  comeBack(): Promise<void>
}

/** Starts one; it is gone when the test is over. */
export async function startPlatform(answer: Platform['answer'], path = '/'): Promise<Platform> {
  const port = await freePort()
  let server: Server | undefined
  let waiting = 0
  const platform: Platform = {
    ...{ url: `http://127.0.0.1:${port}${path}`, asked: [], answer, waiting: () => waiting },
    async goAway() {
      const leaving = server
      server = undefined
      leaving?.closeAllConnections()
      await new Promise<void>((resolve) => (leaving ? leaving.close(() => resolve()) : resolve()))
    },
    async comeBack() {
      const coming = createServer((request, response) => void serve(request, response))
      server = coming
      await new Promise<void>((resolve) => coming.listen(port, '127.0.0.1', resolve))
    },
  }
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    waiting++
    response.once('close', () => waiting--)
    // A caller that gives up is no fault of the platform's.
    const body = await textOf(request).catch(() => undefined)
    if (body === undefined) return
    const asked = { method: request.method!, path: request.url!, headers: request.headers, body }
    platform.asked.push(asked)
    const answered = await platform.answer(asked)
    if (answered === 'silence') return
    const text = typeof answered.body === 'string' ? answered.body : JSON.stringify(answered.body ?? {})
    response.writeHead(answered.status, { 'content-type': 'application/json' }).end(text)
  }
  onTestFinished(() => platform.goAway())
  await platform.comeBack()
  return platform
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
