import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { type AdminServerBounds, adminServer } from '../../src/server/admin-server.js'
import { closeServer, httpServer } from '../../src/server/listen.js'
import { leakGate } from '../support/leak-gate.js'
import { opened } from '../support/opened.js'
import { until } from '../support/until.js'

leakGate()

const REQUEST = 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'
/** More than the kernel takes for a client that reads nothing. */
const LARGE = Buffer.alloc(24_000_000, 'x')
const STALLED_MS = 400

const startAdmin = (listener: RequestListener, bounds?: AdminServerBounds) =>
  opened(adminServer({ listener, mayChange: () => false }, bounds))

function counted(answer: RequestListener): { readonly listener: RequestListener; readonly asked: () => number } {
  let asked = 0
  const listener: RequestListener = (request, response) => {
    asked++
    answer(request, response)
  }
  return { listener, asked: () => asked }
}

const passed = (ms: number) => {
  const startMs = performance.now()
  return until(() => performance.now() - startMs > ms)
}

describe('L6: of a packet of requests', () => {
  test('four are answered in order, on a connection that goes on', async () => {
    const client = (await startAdmin(({ url }, response) => void response.end(`at ${url};`)))()
    for (const round of [1, 2]) {
      client.send([1, 2, 3, 4].map((n) => REQUEST.replace('metrics', `${round}-${n}`)).join(''))
      await until(() => client.received.includes(`at /${round}-4;`))
    }
    const paths = [...client.received.matchAll(/at (\S+);/g)].map(([, path]) => path)
    expect(paths).toEqual(['/1-1', '/1-2', '/1-3', '/1-4', '/2-1', '/2-2', '/2-3', '/2-4'])
  })

  test('thousands end the connection, and all but four are nobody’s work', async () => {
    const { listener, asked } = counted((_request, response) => void response.end(LARGE))
    const client = (await startAdmin(listener))(REQUEST.repeat(1_900))
    client.socket.pause()
    await until(() => asked() > 0)
    client.socket.resume()
    await until(() => client.ended)
    expect(asked()).toBe(4)
  })

  test('control: Node by itself dispatches every one of them', async () => {
    const { listener, asked } = counted(() => {})
    const client = (await opened(httpServer(listener)))(REQUEST.repeat(1_900))
    await until(() => asked() > 1_000)
    expect(client.ended).toBe(false)
  })

  test.each([
    ['without a host', 'GET / HTTP/1.1\r\n\r\n'],
    ['that expect the unknown', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: b\r\n\r\n'],
    ['that expect to be told to go on', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n'],
  ])('those %s count too, although Node answers some by itself', async (_name, request) => {
    const { listener, asked } = counted(() => {})
    const client = (await startAdmin(listener))(REQUEST)
    await until(() => asked() === 1)
    client.send(request.repeat(1_000))
    await until(() => client.ended)
    expect(asked()).toBeLessThanOrEqual(4)
  })
})

describe('L6: an answer', () => {
  test('that its reader does not take ends the connection', async () => {
    const client = (await startAdmin((_request, response) => void response.end(LARGE), { stalledMs: STALLED_MS }))(
      REQUEST,
    )
    await until(() => client.received.length > 0)
    client.socket.pause()
    await passed(3 * STALLED_MS)
    client.socket.resume()
    await until(() => client.ended)
    expect(client.received.length).toBeLessThan(LARGE.length)
  })

  test('that its reader takes slowly is taken whole, however long that is', async () => {
    // The kernel takes more when a third of what it holds is gone, so progress comes in leaps.
    const stalledMs = 1_500
    const open = await startAdmin((_request, response) => void response.end(LARGE), { stalledMs })
    const { socket } = open(REQUEST)
    const startMs = performance.now()
    let bytes = 0
    let pauseAt = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
      if (bytes < pauseAt) return
      pauseAt = bytes + 1_000_000
      socket.pause()
      void passed(200).then(() => socket.resume())
    })
    await until(() => bytes > LARGE.length)
    expect(performance.now() - startMs).toBeGreaterThan(2 * stalledMs)
    expect(socket.destroyed).toBe(false)
  })

  test('that is made slowly, or has nothing to say for long, is waited for', async () => {
    let last = () => {}
    const open = await startAdmin(
      (_request, response) => {
        response.write('first')
        last = () => response.end('last')
      },
      { stalledMs: STALLED_MS / 4 },
    )
    const client = open(REQUEST)
    await until(() => client.received.includes('first'))
    await passed(STALLED_MS)
    last()
    await until(() => client.received.includes('last'))
  })

  test('that nobody takes holds up no stop', async () => {
    const listener: RequestListener = (_request, response) => void response.end(LARGE)
    const server = adminServer({ listener, mayChange: () => false })
    const client = (await opened(server))(REQUEST)
    await until(() => client.received.length > 0)
    client.socket.pause()
    await closeServer(server)
    client.socket.resume()
    await until(() => client.ended)
  })
})

describe('L6: connections', () => {
  test('that are kept alive serve the next request, and end by themselves', async () => {
    const listener: RequestListener = (_request, response) => void response.end('answer')
    const server = adminServer({ listener, mayChange: () => false }, { stalledMs: STALLED_MS })
    server.keepAliveTimeout = 200
    const client = (await opened(server))(REQUEST)
    await until(() => client.received.includes('answer'))
    client.send(REQUEST)
    await until(() => client.received.split('answer').length === 3)
    await until(() => client.ended)
  })

  test('beyond the bound are closed, and welcome when others have left', async () => {
    const open = await startAdmin((_request, response) => void response.end('answer'), { mostConnections: 2 })
    const [first, second] = [open(REQUEST), open(REQUEST)]
    await until(() => first.received.includes('answer') && second.received.includes('answer'))
    const third = open(REQUEST)
    await until(() => third.ended)
    expect(third.received).toBe('')
    first.reset()
    await until(async () => {
      const next = open(REQUEST)
      await until(() => next.received !== '' || next.ended)
      return next.received.includes('answer')
    })
  })
})
