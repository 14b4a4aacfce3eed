import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { systemClock } from '../../src/core/clock.js'
import { PacedReading } from '../../src/gate/paced-reading.js'
import { handshake } from '../support/raw-client.js'
import { until } from '../support/until.js'

const PIECE = 4_096

/** Both ends of a connection, of which the first is the server's. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  for (const end of [socket, client]) end.on('error', () => {})
  onTestFinished(() => {
    for (const end of [socket, client]) end.destroy()
    server.close()
  })
  return [socket, client]
}

/** So long that no second piece is handed on in the same turn, and what came meanwhile is read before the next. */
function beBusy(): void {
  const startMs = performance.now()
  while (performance.now() - startMs < 3);
}

test('the end is told behind what was sent before it, also by a socket of the system, which tells it while paused', async () => {
  const [socket, client] = await pair()
  const told: string[] = []
  let bytes = 0
  new PacedReading(systemClock).pace(socket)
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length
    beBusy()
  })
  socket.on('end', () => {
    told.push(`end behind ${bytes}`)
    socket.end()
  })
  socket.on('close', () => told.push('close'))
  client.resume().end(Buffer.alloc(10 * PIECE))
  await once(client, 'close')
  await until(() => told.includes('close'))
  expect(told).toEqual([`end behind ${10 * PIECE}`, 'close'])
})

test('an end behind which its own side ended first closes the socket all the same', async () => {
  const [socket, client] = await pair()
  new PacedReading(systemClock).pace(socket)
  socket.on('data', beBusy)
  socket.end()
  await once(socket, 'finish')
  client.resume().end(Buffer.alloc(20 * PIECE))
  await once(socket, 'close')
})

test('of what is left when a connection is ended ws reads nothing, neither behind a gap nor in one go', async () => {
  const [socket, client] = await pair()
  client.resume().write(handshake())
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(head.toString()).toContain('Sec-WebSocket-Key')
  new PacedReading(systemClock).pace(socket)
  const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const request = {
    method: 'GET',
    headers: { upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' },
  }
  let [messages, faults] = [0, 0]
  const isOver = new Promise<number>((resolve) => {
    wss.handleUpgrade(request as never, socket, Buffer.alloc(0), (ws) => {
      ws.on('message', () => {
        if (messages++ === 0) beBusy()
      })
      ws.on('error', () => faults++)
      ws.on('close', resolve)
      // Its buffer is full behind what is left: it has come while it was paused.
      void until(() => socket.readableLength > PIECE).then(() => {
        messages = 0
        ws.terminate()
      })
    })
  })
  const flood = () => {
    while (!client.destroyed && client.write(Buffer.from('8281000000000082810000000000'.repeat(1_000), 'hex')));
  }
  client.on('drain', flood)
  flood()
  expect(await isOver).toBe(1006)
  expect({ messages, faults }).toEqual({ messages: 0, faults: 0 })
  expect(socket.readableLength).toBe(0)
})

test('a listener that throws at the last piece does not leave its socket paused', async () => {
  const [socket, client] = await pair()
  const thrown: unknown[] = []
  const clock = { ...systemClock, soon: (task: () => void) => systemClock.soon(() => caught(task)) }
  const caught = (task: () => void) => {
    try {
      task()
    } catch (error) {
      thrown.push(error)
    }
  }
  new PacedReading(clock).pace(socket)
  let bytes = 0
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (piece.length < PIECE && thrown.length === 0) throw new Error('a bug')
  })
  client.write(Buffer.alloc(PIECE + 1))
  await until(() => thrown.length === 1)
  client.write('more')
  await until(() => bytes === PIECE + 1 + 4)
})
