import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { resetSocket } from '../../src/net/reset-socket.js'
import { leakGate } from '../support/leak-gate.js'

leakGate()

let server: Server

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => void server.close())

const dial = () => connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })

async function pair(): Promise<[client: Socket, peer: Socket]> {
  const client = dial()
  const [[peer]] = await Promise.all([once(server, 'connection'), once(client, 'connect')])
  return [client, peer as Socket]
}

/** Resolves to the code of the error with which the socket ended, `undefined` where there was none. */
async function endOf(socket: Socket): Promise<string | undefined> {
  let code: string | undefined
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code
  })
  socket.resume()
  await new Promise((resolve) => socket.once('close', resolve))
  return code
}

test('the peer sees a reset', async () => {
  const [client, peer] = await pair()
  const ended = endOf(peer)
  resetSocket(client)
  expect(await ended).toBe('ECONNRESET')
})

test('one whose FIN is on its way is closed all the same', async () => {
  const [client, peer] = await pair()
  const [ended, closed] = [endOf(peer), endOf(client)]
  client.end()
  resetSocket(client)
  expect(await closed).toBeUndefined()
  peer.destroy()
  await ended
})

test('one whose FIN has been sent is closed too', async () => {
  const [client, peer] = await pair()
  client.end()
  await once(client, 'finish')
  const [ended, closed] = [endOf(peer), endOf(client)]
  resetSocket(client)
  expect(await closed).toBeUndefined()
  peer.destroy()
  await ended
})

test('one that is not connected yet is closed', async () => {
  const client = dial()
  const closed = endOf(client)
  resetSocket(client)
  expect(await closed).toBeUndefined()
})

test('one that is closed stays so', async () => {
  const [client, peer] = await pair()
  client.destroy()
  await endOf(client)
  resetSocket(client)
  peer.destroy()
  await endOf(peer)
})
