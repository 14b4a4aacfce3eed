import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leakGate } from './leak-gate.js'
import { freshPrefix, sharedRedisUrl } from './redis.js'
import { startProxy, type TcpProxy } from './tcp-proxy.js'
import { until } from './until.js'

leakGate()

const prefix = freshPrefix()
const key = (name: string) => `${prefix}${name}`

let direct: Redis
let proxy: TcpProxy
const sockets: Socket[] = []

beforeEach(async () => {
  const url = new URL(sharedRedisUrl())
  direct = new Redis(url.href)
  await direct.del(key('a'), key('b'))
  proxy = await startProxy(Number(url.port || 6379), url.hostname)
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  direct.disconnect()
  await proxy.stop()
})

interface RawClient {
  readonly socket: Socket
  replies(): string
  /** Undefined while the connection is open, then whether it ended by a reset. */
  reset(): boolean | undefined
}

async function client(): Promise<RawClient> {
  const socket = connect({ host: '127.0.0.1', port: proxy.port })
  sockets.push(socket)
  let replies = ''
  let ended: boolean | undefined
  let error: NodeJS.ErrnoException | undefined
  socket.on('error', (e) => {
    error = e
  })
  socket.on('close', () => {
    ended = error?.code === 'ECONNRESET'
  })
  socket.on('data', (bytes) => {
    replies += bytes.toString()
  })
  // A refused one may be reset before it has connected.
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {})
  return { socket, replies: () => replies, reset: () => ended }
}

describe('the proxy', () => {
  test('makes both ways longer, keeps the order, and is quick again afterwards', async () => {
    const one = await client()
    proxy.delay(150)
    const sentMs = performance.now()
    one.socket.write('PING a\r\n')
    await until(() => proxy.connections === 1)
    proxy.delay(0)
    one.socket.write('PING b\r\n')
    await until(() => one.replies().includes('b'))
    expect(one.replies()).toBe('$1\r\na\r\n$1\r\nb\r\n')
    expect(performance.now() - sentMs).toBeLessThan(5_000)

    proxy.delay(150)
    const againMs = performance.now()
    one.socket.write('PING c\r\n')
    await until(() => one.replies().includes('c'))
    expect(performance.now() - againMs).toBeGreaterThan(290)
  })

  test('forwards both ways, byte for byte', async () => {
    const redis = new Redis(proxy.url)
    const big = 'x'.repeat(3_000_000)
    try {
      await redis.set(key('a'), big)
      expect(await redis.get(key('a'))).toBe(big)
      expect(proxy.connections).toBe(1)
    } finally {
      redis.disconnect()
    }
    await until(() => proxy.connections === 0)
  })

  test('cutAll resets the client', async () => {
    const one = await client()
    one.socket.write('PING\r\n')
    await until(() => one.replies() === '+PONG\r\n')
    proxy.cutAll()
    expect(await until(() => one.reset() !== undefined && `reset: ${one.reset()}`)).toBe('reset: true')
    expect(proxy.connections).toBe(0)
  })

  test('hold keeps requests back and release delivers them in order', async () => {
    const one = await client()
    proxy.hold()
    const first = `SET ${key('a')} 1\r\n`
    const second = `APPEND ${key('a')} 2\r\n`
    one.socket.write(first)
    one.socket.write(second)
    await until(() => proxy.heldBytes === first.length + second.length)
    expect(await direct.get(key('a'))).toBeNull()
    proxy.release()
    await until(() => one.replies() === '+OK\r\n:2\r\n')
    expect(await direct.get(key('a'))).toBe('12')
  })

  test('holdReplies lets the work be done and keeps the answer back', async () => {
    const one = await client()
    proxy.holdReplies()
    one.socket.write(`SET ${key('a')} 1\r\n`)
    await until(() => direct.get(key('a')))
    await until(() => proxy.heldReplyBytes > 0)
    expect(one.replies()).toBe('')
    proxy.releaseReplies()
    await until(() => one.replies() === '+OK\r\n')
  })

  test('delivers the bytes of a dropped connection after the client has come back', async () => {
    const old = await client()
    proxy.hold()
    old.socket.write(`SET ${key('a')} late\r\n`)
    await until(() => proxy.heldBytes > 0)
    proxy.dropClientSideAndKeepBytes()
    await until(() => old.reset() === true)
    const back = await client()
    back.socket.write(`SET ${key('a')} early\r\n`)
    await until(() => back.replies() === '+OK\r\n')
    expect(await direct.get(key('a'))).toBe('early')
    expect(await proxy.deliverHeld()).toBeGreaterThan(0)
    expect(await direct.get(key('a'))).toBe('late')
    expect(proxy.heldBytes).toBe(0)
  })

  test('a client that gives up by itself leaves its held bytes behind too', async () => {
    const old = await client()
    proxy.hold()
    old.socket.write(`SET ${key('a')} late\r\n`)
    await until(() => proxy.heldBytes > 0)
    old.socket.resetAndDestroy()
    await until(() => proxy.connections === 0)
    await proxy.deliverHeld()
    expect(await direct.get(key('a'))).toBe('late')
  })

  test('control: bytes cut off on both sides are never delivered', async () => {
    const old = await client()
    proxy.hold()
    old.socket.write(`SET ${key('a')} late\r\n`)
    await until(() => proxy.heldBytes > 0)
    proxy.cutAll()
    expect(await proxy.deliverHeld()).toBe(0)
    expect(await direct.get(key('a'))).toBeNull()
  })

  test('refuse resets who connects and leaves who is there alone', async () => {
    const there = await client()
    await until(() => proxy.connections === 1)
    proxy.refuse()
    const refused = await client()
    await until(() => refused.reset() !== undefined)
    there.socket.write('PING\r\n')
    await until(() => there.replies() === '+PONG\r\n')
    proxy.accept()
    const accepted = await client()
    accepted.socket.write('PING\r\n')
    await until(() => accepted.replies() === '+PONG\r\n')
  })
})
