import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { type LeaseTiming, leaseTiming } from '../../src/core/lease-timing.js'
import type { Reply, StoreConnection } from '../../src/store/lease-store.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { leakGate } from '../support/leak-gate.js'
import { freePort } from '../support/ports.js'
import { freshPrefix, startRedis, type TestRedis } from '../support/redis.js'
import { startSilentPort } from '../support/silent-port.js'
import { type RedisBench, redisBench, TIMING } from '../support/store-bench.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, done, StoreNode } from '../support/store-node.js'
import { until } from '../support/until.js'

leakGate()

/** A deadline short enough to wait for; where it is not what is tested, the bench's own is far longer. */
const SHORT = leaseTiming({ ttlMs: 15_000, renewIntervalMs: 3_000, callTimeoutMs: 1_000 })
/** A busy machine may be late, and far less late than a call without a deadline. */
const LATE_MS = 2_000

interface Own {
  readonly redis: TestRedis
  readonly bench: RedisBench
  readonly node: StoreNode
}

async function own(timing: LeaseTiming = TIMING, args: readonly string[] = []): Promise<Own> {
  const redis = await startRedis({ args })
  onTestFinished(() => redis.stop())
  const bench = await redisBench({ url: redis.url, timing, realTime: true })
  onTestFinished(async () => {
    await redis.resume().catch(() => {})
    await bench.store.close()
    bench.redis.disconnect()
  })
  bench.redis.on('error', () => {})
  return { redis, bench, node: await StoreNode.join(bench) }
}

/** A server that speaks as the test lets it, and a store that takes it for Redis. */
async function impostor(speak: (socket: Socket) => void): Promise<RedisStore> {
  const server = createServer(speak).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const store = storeAt(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    await store.close()
    server.close()
    await once(server, 'close')
  })
  return store
}

/** Answers each command of a chunk on its own; clients send whole commands at once. */
function answerTo(socket: Socket, answer: (command: string) => string): void {
  socket.on('data', (bytes) => {
    for (const command of bytes.toString('latin1').split(/(?=^\*\d+\r$)/m)) socket.write(answer(command))
  })
}

function storeAt(url: string): RedisStore {
  return new RedisStore({ url, timing: SHORT, clock: systemClock, keyPrefix: freshPrefix() })
}

const request = { lease: 7, generation: 1, proposedEpoch: 'e', proposedSecret: 's', reasserting: false, nodeInfo: '' }

async function timed<T>(promise: Promise<T>): Promise<[T, number]> {
  const began = performance.now()
  return [await promise, performance.now() - began]
}

describe('a call that is not answered (R2)', () => {
  test.each(['CLIENT PAUSE', 'SIGSTOP'])(
    'under %s says so within its deadline, and ends the connection',
    async (how) => {
      const { redis, bench, node } = await own(SHORT)
      if (how === 'SIGSTOP') await redis.pause()
      else await bench.redis.client('PAUSE', 60_000, 'ALL')
      const { connection, fence } = node
      const pending = [connection.acquire(fence, [claim('a', 'acme', 1)]), connection.renew(fence)]
      const [replies, tookMs] = await timed(Promise.all(pending))
      expect(replies.map(({ status }) => status)).toEqual(['unanswered', 'unanswered'])
      expect(tookMs).toBeGreaterThan(SHORT.callTimeoutMs / 2)
      expect(tookMs).toBeLessThan(SHORT.callTimeoutMs + LATE_MS)
      expect(await connection.closed).toContain('no answer within 1000 ms')
      const [after, afterMs] = await timed(connection.renew(fence))
      expect(after.status).toBe('unanswered')
      expect(afterMs).toBeLessThan(SHORT.callTimeoutMs)
    },
  )

  test('after the pause, hello and settling leave no slot, whatever was delivered meanwhile (S4)', async () => {
    const { redis, bench, node } = await own(SHORT)
    await redis.pause()
    const asked = claim('a', 'acme', 1)
    expect(await node.connection.acquire(node.fence, [asked])).toMatchObject({ status: 'unanswered' })
    await redis.resume()
    await until(async () => (await node.hello()).status === 'ok')
    await node.release(asked)
    expect((await bench.contents()).scopes.size).toBe(0)
  })

  test('is cut by a reset, so that the kernel keeps nothing to deliver later', async () => {
    const ends: string[] = []
    const store = await impostor((socket) => {
      answerTo(socket, (command) => (command.includes('evalsha') ? '' : '+OK\r\n'))
      socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? ''))
      socket.on('end', () => ends.push('FIN'))
    })
    const connection = done(await store.connect())
    expect(await connection.hello(request)).toMatchObject({ status: 'unanswered' })
    await until(() => ends.length > 0)
    expect(ends).toEqual(['ECONNRESET'])
    connection.destroy('again')
    expect(await connection.closed).toContain('no answer')
  })

  test('with nonsense for an answer counts as not answered', async () => {
    const store = await impostor((socket) => {
      answerTo(socket, () => '+OK\r\n')
      socket.on('error', () => {})
    })
    const connection = done(await store.connect())
    const reply = await connection.hello(request)
    expect(reply).toMatchObject({ status: 'unanswered', cause: expect.stringContaining('malformed reply') })
    await connection.closed
  })

  test('because the server is too old says so', async () => {
    const store = await impostor((socket) => {
      answerTo(socket, () => '-ERR This Redis command is not allowed from script script: 0, on @user_script:12.\r\n')
      socket.on('error', () => {})
    })
    const reply = await done(await store.connect()).hello(request)
    expect(reply).toMatchObject({ status: 'unanswered', cause: expect.stringContaining('needs Redis 7.0 or later') })
  })

  test('whose connection the server closes is told at once, not at its deadline', async () => {
    const { bench, node } = await own()
    await bench.redis.client('PAUSE', 60_000, 'WRITE')
    const pending = node.connection.renew(node.fence)
    await bench.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    const [reply, tookMs] = await timed(pending)
    expect(reply.status).toBe('unanswered')
    expect(tookMs).toBeLessThan(TIMING.callTimeoutMs)
    await node.connection.closed
  })

  test('pending when the node gives the connection up is settled at once', async () => {
    const { redis, node } = await own()
    await redis.pause()
    const pending = node.connection.renew(node.fence)
    node.connection.destroy('the node has had enough')
    expect((await timed(pending))[1]).toBeLessThan(TIMING.callTimeoutMs)
    expect(await pending).toMatchObject({ status: 'unanswered' })
  })
})

describe('a connection that cannot be had (R2)', () => {
  test('where nobody listens says so', async () => {
    const { redis, bench } = await own()
    await redis.kill()
    expect(await bench.store.connect()).toMatchObject({ status: 'unanswered' })
  })

  test('where the network swallows the handshake says so within the deadline', async () => {
    const port = await freePort()
    await startSilentPort('127.0.0.1', port)
    const store = storeAt(`redis://127.0.0.1:${port}`)
    onTestFinished(() => store.close())
    const [reply, tookMs] = await timed(store.connect())
    expect(reply).toMatchObject({ status: 'unanswered' })
    expect(tookMs).toBeLessThan(SHORT.callTimeoutMs + LATE_MS)
  })

  test('because the store was closed meanwhile is not left open', async () => {
    const { bench } = await own()
    const connecting = bench.store.connect()
    await bench.store.close()
    const reply = await connecting
    if (reply.status === 'ok') await reply.value.closed
    expect(await bench.store.connect()).toMatchObject({ status: 'unanswered' })
  })
})

describe('a store that will not do it', () => {
  test('a replica neither admits nor refuses: an acquire is not answered (R2)', async () => {
    const { bench, node } = await own()
    await bench.redis.replicaof('127.0.0.1', 1)
    const reply = await node.connection.acquire(node.fence, [claim('a', 'acme', 1)])
    expect(reply).toMatchObject({ status: 'unanswered', cause: expect.stringContaining('READONLY') })
  })

  test('a replica refuses hello, and that ends the connection; questions are answered (R1)', async () => {
    const { bench, node } = await own()
    await node.acquire(claim('a', 'acme', 1))
    await bench.redis.replicaof('127.0.0.1', 1)
    const reply = await node.hello()
    expect(reply).toMatchObject({ status: 'unanswered', cause: expect.stringContaining('READONLY') })
    expect(await node.connection.renew(node.fence)).toMatchObject({ status: 'unanswered' })
    await node.connection.closed
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 1 }])
    // Promoted, it is another store than the one whose memory it has.
    await bench.redis.replicaof('NO', 'ONE')
    expect(await node.hello()).toEqual({ status: 'refused', reason: 'lost' })
  })

  test('a primary with too few replicas refuses every verb that writes, changing nothing (R4)', async () => {
    const { bench, node } = await own()
    const held = claim('a', 'acme', 2)
    await node.acquire(held)
    const before = fingerprint(await bench.contents())
    const { fence } = node
    const verbs: ((connection: StoreConnection) => Promise<Reply<unknown>>)[] = [
      (connection) => connection.hello({ ...request, lease: 8 }),
      (connection) => connection.acquire(fence, [claim('b', 'acme', 2)]),
      (connection) => connection.takeover(fence, [{ ...claim('b', 'acme', 2), replaces: 'a' }]),
      (connection) => connection.takeover(fence, [{ ...claim('b', 'acme', 2), replaces: 'nobody' }]),
      (connection) => connection.release(fence, [held]),
      (connection) => connection.renew(fence),
      (connection) => connection.reassert(fence, [claim('c', 'acme', 2)], { mode: 'keep', final: true }),
      (connection) => connection.override(fence, 'acme', 9),
      (connection) => connection.order(fence, { kind: 'evict', org: 'acme', limit: 0, ids: ['a'] }),
      (connection) => connection.drain(fence, node.lease),
      (connection) => connection.probe(fence, held.scopes[0]),
      (connection) => connection.leave(fence),
    ]
    await bench.redis.config('SET', 'min-replicas-to-write', '1')
    for (const verb of verbs) {
      const reply = await verb(done(await bench.store.connect()))
      expect(reply).toEqual({ status: 'unanswered', cause: expect.stringMatching(/NOREPLICAS.*too few replicas/) })
    }
    expect(fingerprint(await bench.contents())).toBe(before)
    await bench.redis.config('SET', 'min-replicas-to-write', '0')
    expect(await node.hello()).toMatchObject({ status: 'ok' })
  })

  test('one that is loading its data refuses hello until it is done (R1)', async () => {
    const { bench, node } = await own(TIMING, [
      ...['--enable-debug-command', 'yes', '--key-load-delay', '2000'],
      ...['--loading-process-events-interval-bytes', '1024'],
    ])
    await bench.redis.eval("for i = 1, 500 do redis.call('SET', 'k' .. i, string.rep('x', 64)) end", 0)
    const reloaded = bench.redis.call('DEBUG', 'RELOAD')
    const refused = await until(async () => {
      const reply = await node.hello({ generation: 1 })
      return reply.status === 'unanswered' && reply.cause.includes('LOADING') && reply
    })
    expect(refused.status).toBe('unanswered')
    await reloaded
    expect(await node.hello()).toMatchObject({ status: 'ok' })
  })

  test('one whose own keys have a foreign type is not answered by, verb after verb, and nothing hangs', async () => {
    const { bench, node } = await own()
    await bench.redis.multi().del(bench.keys.admission).set(bench.keys.admission, 'foreign').exec()
    expect(await node.connection.renew(node.fence)).toMatchObject({
      status: 'unanswered',
      cause: expect.stringMatching(/WRONGTYPE.*headcount doctor --redis/),
    })
    expect(await node.hello()).toMatchObject({ status: 'unanswered' })
  })

  test('one that lacks a command says so, and what to do', async () => {
    const redis = await startRedis({ args: ['--rename-command', 'TIME', ''] })
    onTestFinished(() => redis.stop())
    const store = storeAt(redis.url)
    onTestFinished(() => store.close())
    const reply = await done(await store.connect()).hello(request)
    const cause = expect.stringMatching(/Unknown (Redis )?command.*switched off or renamed/)
    expect(reply).toEqual({ status: 'unanswered', cause })
  })

  test('a replica that has lost its primary and serves nothing old says so, and what to do', async () => {
    const { bench, node } = await own()
    await bench.redis.config('SET', 'replica-serve-stale-data', 'no')
    await bench.redis.replicaof('127.0.0.1', 1)
    const cause = expect.stringMatching(/MASTERDOWN.*name the primary/)
    expect(await node.hello()).toEqual({ status: 'unanswered', cause })
  })

  test('one whose scripts were flushed is not noticed', async () => {
    const { bench, node } = await own()
    for (let i = 0; i < 20; i++) {
      await bench.redis.script('FLUSH')
      const asked = claim(`c${i}`, 'acme', 1)
      const [verdicts] = await Promise.all([
        node.acquire(asked),
        node.renew(),
        bench.store.inspector.countOrgs(['acme']),
      ])
      expect(verdicts).toMatchObject([{ admitted: true }])
      await bench.redis.script('FLUSH')
      await node.release(asked)
    }
    expect((await bench.contents()).scopes.size).toBe(0)
  })
})

describe('the inspector (R2)', () => {
  test('of a store that is gone fails, says why, and answers again when it is back', async () => {
    const { redis, bench } = await own()
    expect(await bench.store.inspector.nodes()).toHaveLength(1)
    await redis.kill()
    await expect(bench.store.inspector.countOrgs(['acme'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(bench.store.inspector.listOrgs('0')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await redis.restart()
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 0 }])
  })

  test('of a store that is frozen fails within its deadline, each time, and answers again when it goes on', async () => {
    const { redis, bench } = await own()
    for (let i = 0; i < 2; i++) {
      await redis.pause()
      const asked = Array.from({ length: 20 }, () => bench.store.inspector.nodes().catch((error: unknown) => error))
      const [answers, tookMs] = await timed(Promise.all(asked))
      expect(answers).toEqual(Array(20).fill(expect.objectContaining({ code: 'STORE_UNAVAILABLE' })))
      expect(tookMs).toBeLessThan(2_000 + LATE_MS)
      await redis.resume()
      expect(await Promise.all(Array.from({ length: 20 }, () => bench.store.inspector.nodes()))).toHaveLength(20)
    }
  })
})
