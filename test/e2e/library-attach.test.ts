import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { createLimiter, type Identify, type LimiterOptions } from '../../src/index.js'
import { attach, connect, identify } from '../support/attached.js'
import { leakGate } from '../support/leak-gate.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

const closed = (ws: WebSocket) =>
  new Promise<{ code: number; reason: string }>((resolve) =>
    ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )

describe.each<[string, () => LimiterOptions]>([
  [
    'Redis',
    () => ({
      redis: sharedRedisUrl(),
      keyPrefix: freshPrefix(),
      leaseTtlMs: 8_000,
      renewIntervalMs: 200,
      storeTimeoutMs: 2_000,
    }),
  ],
  ['the embedded store', () => ({})],
])('a limiter on %s in front of somebody’s own WebSocketServer', (_, options) => {
  test('S1, L1: holds the limit; a closed connection lets exactly one more in', async () => {
    const attached = await attach(options())
    const one = await connect(attached)
    const two = await connect(attached)
    const three = await connect(attached)
    expect([one.status, two.status, three.status]).toEqual([101, 101, 429])
    expect(three.body).toMatchObject({ code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 2, maxAllowed: 2 })
    expect(attached.admissions.map(({ currentCount, maxAllowed }) => [currentCount, maxAllowed])).toEqual([
      [1, 2],
      [2, 2],
    ])
    const echo = new Promise((resolve) => one.ws.once('message', (data) => resolve(data.toString())))
    one.ws.send('hello')
    expect(await echo).toBe('echo hello')
    const gone = closed(two.ws)
    two.ws.close()
    await gone
    await until(async () => (await attached.limiter.orgStats('acme')).currentCount === 1)
    expect((await connect(attached)).status).toBe(101)
    expect((await connect(attached)).status).toBe(429)
    expect((await connect(attached, 'globex')).status).toBe(101)
  })

  test('L4: drain closes with 1012 and gives all slots back', async () => {
    const attached = await attach(options())
    const both = [await connect(attached), await connect(attached)]
    const codes = both.map(({ ws }) => closed(ws))
    await attached.limiter.drain({ withinMs: 3_000 })
    for (const code of codes) expect(await code).toEqual({ code: 1012, reason: 'node is shutting down, reconnect' })
    expect(attached.limiter).toMatchObject({ phase: 'stopped', connections: 0 })
  })
})

describe('attach', () => {
  test('serves only the paths it is told, refuses strangers, and leaves plain HTTP alone', async () => {
    const attached = await attach({}, { accepts: (path) => path === '/ws' })
    expect((await connect(attached, 'acme', '/ws?x=1')).status).toBe(101)
    expect(await connect(attached, 'acme', '/other')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    const stranger = new RawClient(attached.port).send(handshake({ 'api-key': undefined }, 'GET /ws HTTP/1.1'))
    await until(() => stranger.ended)
    expect(stranger.status).toBe(401)
    stranger.reset()
    const plain = await fetch(`http://127.0.0.1:${attached.port}/`, { headers: { connection: 'close' } })
    expect(await plain.text()).toBe('plain')
  })

  test('L3: silence is noticed for the user’s own sockets too', async () => {
    const attached = await attach({}, { pongTimeoutMs: 300 })
    const silent = new RawClient(attached.port).send(handshake())
    await until(() => attached.admissions.length === 1)
    await until(() => silent.ended)
    await until(() => attached.limiter.connections === 0)
    silent.reset()
  })

  test('an identify that throws, rejects or hangs costs that one upgrade, told as a failure of ours', async () => {
    const answers: Record<string, () => ReturnType<Identify>> = {
      throws: () => {
        throw new Error('broken')
      },
      rejects: () => Promise.reject(new Error('broken')),
      hangs: () => new Promise(() => {}),
    }
    const faults: unknown[] = []
    const attached = await attach(
      {},
      {
        identify: (request, signal) =>
          (answers[String(request.headers['api-key'])] ?? (() => identify(request, signal)))(),
        upgradeTimeoutMs: 200,
        observer: { faulted: ({ error }) => faults.push(error) },
      },
    )
    for (const org of Object.keys(answers)) {
      expect(await connect(attached, org)).toMatchObject({ status: 503, body: { code: 'ADMISSION_UNDECIDED' } })
    }
    expect(faults).toHaveLength(2)
    expect((await connect(attached)).status).toBe(101)
  })

  test('a listener of connection that throws costs that one connection and keeps no slot', async () => {
    const attached = await attach()
    attached.wss.prependOnceListener('connection', () => {
      throw new Error('broken')
    })
    const { ws } = await connect(attached)
    await closed(ws)
    await until(() => attached.limiter.connections === 0)
    expect((await connect(attached)).status).toBe(101)
  })

  test('takes what Hono’s serve returns, and only once', async () => {
    const limiter = createLimiter()
    onTestFinished(() => limiter.drain({ withinMs: 0 }))
    const server = serve({ fetch: () => new Response('hono'), port: 0, hostname: '127.0.0.1' })
    onTestFinished(() => void server.close())
    const wss = new WebSocketServer({ noServer: true })
    limiter.attach(server, wss, { identify })
    expect(() => limiter.attach(server, wss, { identify })).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'UPGRADE_TAKEN' }),
    )
    await limiter.drain({ withinMs: 0 })
    expect(server.listenerCount('upgrade')).toBe(0)
  })

  test('takes from an emitter only the upgrades that its program hands on; others are not limited', async () => {
    const limiter = createLimiter({ limits: { org: 1 } })
    const [wss, others] = [new WebSocketServer({ noServer: true }), new WebSocketServer({ noServer: true })]
    const [limited, server] = [new EventEmitter(), createServer()]
    limiter.attach(limited, wss, { identify })
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/limited') limited.emit('upgrade', request, socket, head)
      else others.handleUpgrade(request, socket, head, () => {})
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      await limiter.drain({ withinMs: 500 })
      for (const ws of others.clients) ws.terminate()
      await new Promise((resolve) => server.close(resolve))
    })
    const { port } = server.address() as AddressInfo
    const statuses: number[] = []
    for (const path of ['/limited', '/limited', '/free', '/free']) {
      statuses.push((await connect({ port }, 'acme', path)).status)
    }
    expect(statuses).toEqual([101, 429, 101, 101])
  })

  test('a listener for upgrades that comes later is told of, once, since both answer each of them', async () => {
    const faults: unknown[] = []
    const attached = await attach({}, { observer: { faulted: ({ error }) => faults.push(error) } })
    expect((await connect(attached)).status).toBe(101)
    expect(faults).toEqual([])
    attached.server.on('upgrade', () => {})
    for (let i = 0; i < 2; i++) await connect(attached)
    expect(faults).toEqual([expect.objectContaining({ name: 'UsageError', code: 'UPGRADE_TAKEN' })])
  })

  test('what throws behind a verifyClient that takes its time costs that one connection, and is reported', async () => {
    const faults: unknown[] = []
    const attached = await attach({}, { observer: { faulted: ({ error }) => faults.push(error) } })
    attached.wss.options.verifyClient = (_info: unknown, done: (isIn: boolean) => void) => void setImmediate(done, true)
    attached.wss.removeAllListeners('connection').on('connection', () => {
      throw new Error('a bug in the embedding program')
    })
    const client = new RawClient(attached.port).send(handshake())
    await until(() => client.ended)
    expect(faults).toMatchObject([{ message: 'a bug in the embedding program' }])
    await until(() => attached.limiter.connections === 0)
    client.reset()
  })

  test('two servers may share a WebSocketServer, and each answer tells the limit once', async () => {
    const attached = await attach()
    const second = createServer()
    attached.limiter.attach(second, attached.wss, { identify })
    await new Promise<void>((resolve) => second.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void second.close())
    for (const port of [attached.port, (second.address() as AddressInfo).port]) {
      const client = new RawClient(port).send(handshake())
      await until(() => client.received.includes('\r\n\r\n'))
      expect(client.status).toBe(101)
      expect(client.received.match(/^ratelimit(-policy)?:/gim)).toHaveLength(2)
      client.reset()
    }
    await until(() => attached.limiter.connections === 0)
  })

  test('a WebSocketServer that would take upgrades past the limit is refused', () => {
    const limiter = createLimiter()
    const server = createServer()
    onTestFinished(() => limiter.drain({ withinMs: 0 }))
    const wss = new WebSocketServer({ server })
    // It is the one that listens for upgrades, and the remedy is not to take that off.
    const refused = expect.objectContaining({ name: 'UsageError', code: 'WSS_NOT_DETACHED' })
    expect(() => limiter.attach(server, wss, { identify })).toThrow(refused)
    expect(() => limiter.attach(createServer(), wss, { identify })).toThrow(refused)
    wss.close()
  })
})
