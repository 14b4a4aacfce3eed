import { get, type IncomingMessage } from 'node:http'
import type { ServerProcess } from './processes.js'
import { until } from './until.js'

export interface StreamedEvent {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: the answers of the admin API are read as they come.
  readonly data: any
}

export interface Watcher {
  readonly status: number
  readonly events: readonly StreamedEvent[]
  /** How the stream ended: `clean` with its last chunk, `broken` without; `undefined` while it runs. */
  readonly ended: 'clean' | 'broken' | undefined
  /** The next event that comes from now on. */
  next(name?: string): Promise<StreamedEvent>
  /** Stops reading, so that what is sent backs up. */
  stall(): void
  leave(): void
}

/** Watches the events of a node's admin API, over a socket of its own. */
export async function watchEvents({ adminUrl, adminToken }: ServerProcess, token = adminToken): Promise<Watcher> {
  const headers = { authorization: `Bearer ${token}` }
  const request = get(`${adminUrl}/admin/v1/events`, { headers, agent: false })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })
  // Leaving resets the connection, and that is no failure.
  request.on('error', () => {})
  response.on('error', () => {})
  const events: StreamedEvent[] = []
  let text = ''
  let ended: Watcher['ended']
  response.setEncoding('utf8').on('data', (part: string) => {
    const messages = (text + part).split('\n\n')
    text = messages.pop()!
    for (const message of messages) events.push(parsed(message))
  })
  response.once('close', () => {
    ended = response.complete ? 'clean' : 'broken'
  })
  return {
    status: response.statusCode!,
    events,
    get ended() {
      return ended
    },
    async next(name = 'snapshot') {
      const from = events.length
      return until(() => events.slice(from).find((event) => event.name === name), { withinMs: 10_000 })
    },
    stall: () => void response.pause(),
    leave: () => void request.destroy(),
  }
}

function parsed(message: string): StreamedEvent {
  const field = (name: string) => message.split('\n').find((line) => line.startsWith(`${name}: `))
  return { name: field('event')!.slice(7), data: JSON.parse(field('data')!.slice(6)) }
}
