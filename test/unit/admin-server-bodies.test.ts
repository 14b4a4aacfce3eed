import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { adminServer } from '../../src/server/admin-server.js'
import { leakGate } from '../support/leak-gate.js'
import { opened } from '../support/opened.js'
import { until } from '../support/until.js'

leakGate()

const REQUEST = 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'
const CHUNKED = 'Transfer-Encoding: chunked'
const CRUMB = '1\r\nx\r\n'
const CHANGER = 'Authorization: Bearer changer'

const withBody = (method: string, header: string, body: string) =>
  `${method} /metrics HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n${body}`

const start = (listener: RequestListener) =>
  opened(adminServer({ listener, mayChange: ({ headers }) => headers.authorization === 'Bearer changer' }))

describe('L6: of a body', () => {
  const reading = () => {
    let pieces = 0
    const listener: RequestListener = (request, response) => {
      request.on('data', () => pieces++)
      setImmediate(() => response.end('answer'))
    }
    return { listener, pieces: () => pieces }
  }

  test.each([
    ['behind what is no change of a limit', 'DELETE', `${CHANGER}\r\n${CHUNKED}`, CRUMB],
    ['of who may change nothing', 'PUT', CHUNKED, CRUMB],
    ['that says it is too long', 'PUT', `${CHANGER}\r\nContent-Length: 30000`, 'x'],
  ])('nothing is parsed %s, and its connection ends with the answer', async (_name, method, header, piece) => {
    const { listener, pieces } = reading()
    const client = (await start(listener))(withBody(method, header, piece.repeat(5_000)))
    await until(() => client.ended)
    expect(client.received).toContain('answer')
    expect(pieces()).toBe(0)
  })

  test('what was not sent when the answer was there is not waited for', async () => {
    const client = (await start(reading().listener))(withBody('PUT', 'Content-Length: 1000000', '{'))
    await until(() => client.ended)
    expect(client.received).toContain('answer')
  })

  test.each(['Content-Length: 1000000', CHUNKED, `${CHANGER}\r\n${CHUNKED}`])(
    'that may be long the answer says that it is the last: %s',
    async (header) => {
      const open = await start((_request, response) => void response.end('answer'))
      for (const method of ['PUT', 'DELETE']) {
        const client = open(withBody(method, header, CRUMB))
        await until(() => client.ended)
        expect(client.received.split('\r\n')).toContain('Connection: close')
      }
    },
  )

  test('that is short it may come behind the answer, which has said that the connection goes on', async () => {
    const client = (await start((_request, response) => void response.end('answer')))(
      withBody('DELETE', 'Content-Length: 2', ''),
    )
    await until(() => client.received.includes('answer'))
    expect(client.received.split('\r\n')).toContain('Connection: keep-alive')
    client
      .send('{}')
      .send(withBody('DELETE', 'Content-Length: 2', '{}'))
      .send(REQUEST)
    await until(() => client.received.split('answer').length === 4 || client.ended)
    expect(client.ended).toBe(false)
  })

  test.each(['PUT', 'POST'])('that is short all is read, and the connection goes on: %s', async (method) => {
    const { listener, pieces } = reading()
    const client = (await start(listener))(withBody(method, 'Content-Length: 2', '{}'))
    await until(() => client.received.includes('answer'))
    client.send(withBody(method, 'Content-Length: 2', '{}'))
    await until(() => client.received.split('answer').length === 3)
    expect(pieces()).toBe(2)
  })

  test('that comes in crumbs is handed on in one piece', async () => {
    const read: string[] = []
    const client = (
      await start(async (request, response) => {
        for await (const piece of request) read.push(String(piece))
        response.end('answer')
      })
    )(withBody('PUT', `${CHANGER}\r\n${CHUNKED}`, `${CRUMB.repeat(4_096)}0\r\n\r\n`))
    await until(() => client.ended)
    expect(client.received).toContain('answer')
    expect(read).toEqual(['x'.repeat(4_096)])
  })

  test.each([
    ['who reads it hears so, and', true],
    ['although nobody reads it', false],
  ])('that turns out too long: %s no more is taken of it', async (_name, isRead) => {
    let socket: Socket | undefined
    let bytes = 0
    let end = () => {}
    const open = await start((request, response) => {
      socket = request.socket
      end = () => response.end('answer')
      if (!isRead) return end()
      request.on('data', (piece: Buffer) => {
        bytes += piece.length
      })
    })
    const client = open(withBody('PUT', `${CHANGER}\r\n${CHUNKED}`, CRUMB.repeat(500_000)))
    if (isRead) {
      await until(() => bytes > 0)
      expect(bytes).toBe(4_097)
      // Long enough that all of it would have been taken.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      end()
    }
    await until(() => client.ended)
    // What the system hands over in one go is 64 KiB, and the bound stands in the first 24.
    expect(socket?.bytesRead).toBeLessThan(100_000)
  })
})

describe('L6: of requests with very many headers', () => {
  const many = 'a:b\r\n'.repeat(1_000)
  const longHeaded = REQUEST.replace('\r\n\r\n', `\r\n${many}\r\n`)

  test('one is answered, and its connection ends, whatever else has come', async () => {
    const asked: (string | undefined)[] = []
    const open = await start(({ url }, response) => {
      asked.push(url)
      response.end('answer')
    })
    const client = open(longHeaded.repeat(3))
    await until(() => client.ended)
    expect(client.received.split('answer')).toHaveLength(2)
    expect(client.received.split('\r\n')).toContain('Connection: close')
    expect(asked).toEqual(['/metrics'])
  })

  test('a limit is set all the same', async () => {
    const read: string[] = []
    const open = await start(async (request, response) => {
      for await (const piece of request) read.push(String(piece))
      response.end('answer')
    })
    const client = open(withBody('PUT', `${CHANGER}\r\n${many}Content-Length: 2`, '{}'))
    await until(() => client.ended)
    expect([client.received.includes('answer'), read]).toEqual([true, ['{}']])
  })

  test('control: with as many as browsers and proxies send the connection goes on', async () => {
    const open = await start((_request, response) => void response.end('answer'))
    const client = open(REQUEST.replace('\r\n\r\n', `\r\n${'a:b\r\n'.repeat(99)}\r\n`).repeat(3))
    await until(() => client.received.split('answer').length === 4)
    expect(client.ended).toBe(false)
  })
})
