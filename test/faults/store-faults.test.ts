import dns from 'node:dns'
import { connect, createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Admission, Admitted } from '../../src/core/admission.js'
import { createLimiter, type Limiter } from '../../src/index.js'
import { Books } from '../support/books.js'
import { leakGate } from '../support/leak-gate.js'
import { freePort } from '../support/ports.js'
import { freshPrefix, startRedis, type TestRedis } from '../support/redis.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

leakGate()

const C_MS = 500
const R_MS = 200
/** A busy machine may be late, and far less late than a call that hangs. */
const LATE_MS = 1_500
/** How long a call may take where nobody is to notice: a machine that is busier than Redis must not look like one away. */
const PATIENT_C_MS = 2_000

/** One limiter behind a proxy in front of a Redis of its own, with two of the org's three slots taken. */
interface Stage {
  readonly redis: TestRedis
  readonly proxy: TcpProxy
  readonly limiter: Limiter
  readonly books: Books
  /** A client beside the limiter, past the proxy, to do harm with. */
  readonly client: Redis
  readonly open: readonly Admitted[]
}

/** Where the limiter believes its Redis to be: DNS is a matter of the test. */
const HOST = 'redis.test'

async function stage(args: readonly string[] = [], storeTimeoutMs = C_MS): Promise<Stage> {
  const redis = await startRedis({ args: ['--enable-debug-command', 'yes', ...args] })
  onTestFinished(() => redis.stop())
  const proxy = await startProxy(redis.port, redis.host)
  onTestFinished(() => proxy.stop())
  resolveHost()
  const keyPrefix = freshPrefix()
  const books = new Books(redis.url, keyPrefix)
  onTestFinished(() => books.close())
  const client = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  const limiter = limiterAt(proxy.port, keyPrefix, storeTimeoutMs)
  await limiter.ready()
  const open = (await ask(limiter, 2)).filter((one): one is Admitted => one.admitted)
  expect(open).toHaveLength(2)
  return { redis, proxy, limiter, books, client, open }
}

function limiterAt(port: number, keyPrefix: string, storeTimeoutMs = C_MS): Limiter {
  const times = { leaseTtlMs: 5_000, renewIntervalMs: R_MS, storeTimeoutMs }
  const limiter = createLimiter({ redis: `redis://${HOST}:${port}`, keyPrefix, ...times })
  onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
  return limiter
}

const ask = (limiter: Limiter, times: number): Promise<Admission[]> =>
  Promise.all(Array.from({ length: times }, () => limiter.admit({ org: 'acme' })))

/** Whether the name of the host is found, from now on; until the test is over. */
let known = true
function resolveHost(): void {
  const { lookup } = dns
  known = true
  const found = (name: string, options: object, done: (...args: unknown[]) => void) => {
    if (name !== HOST) return lookup(name, options, done as never)
    if (known) return lookup('127.0.0.1', options, done as never)
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
    process.nextTick(() => done(error))
  }
  dns.lookup = found as never
  onTestFinished(() => {
    dns.lookup = lookup
  })
}

interface Fault {
  readonly name: string
  readonly args?: readonly string[]
  readonly begin: (on: Stage) => Promise<unknown>
  readonly end: (on: Stage) => Promise<unknown>
  /** Whether the store is another one afterwards, and admissions wait for that. */
  readonly recovers?: boolean
}

/** Keeps Redis from its work for longer than a call may take, again and again, until stopped. */
function slowly({ client }: Stage): () => Promise<void> {
  let stopped = false
  const slow = (async () => {
    while (!stopped) await client.call('DEBUG', 'SLEEP', String((C_MS + 200) / 1_000))
  })()
  return async () => {
    stopped = true
    await slow
  }
}
let undo: () => Promise<unknown> = async () => {}

const AWAY: readonly Fault[] = [
  {
    name: 'refuses connections',
    begin: async ({ proxy }) => {
      proxy.refuse()
      proxy.cutAll()
    },
    end: async ({ proxy }) => proxy.accept(),
  },
  { name: 'hangs (SIGSTOP)', begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
  {
    name: 'hangs (CLIENT PAUSE)',
    begin: ({ client }) => client.client('PAUSE', 60_000, 'WRITE'),
    end: ({ client }) => client.client('UNPAUSE'),
  },
  {
    name: 'is slower than the deadline',
    begin: async (on) => {
      undo = slowly(on)
    },
    end: () => undo(),
  },
  {
    name: 'loads its data (LOADING)',
    args: ['--key-load-delay', '4000', '--loading-process-events-interval-bytes', '1024'],
    begin: async ({ client }) => {
      await client.eval("for i = 1, 500 do redis.call('SET', 'k' .. i, string.rep('x', 64)) end", 0)
      const reloaded = client.call('DEBUG', 'RELOAD')
      undo = () => reloaded
    },
    end: () => undo(),
  },
  {
    name: 'became a replica (READONLY)',
    begin: ({ client }) => client.replicaof('127.0.0.1', 1),
    end: ({ client }) => client.replicaof('NO', 'ONE'),
    recovers: true,
  },
  {
    name: 'has no memory left (OOM)',
    begin: ({ client }) => client.config('SET', 'maxmemory', '1'),
    end: ({ client }) => client.config('SET', 'maxmemory', '0'),
  },
  {
    name: "runs somebody's endless script (BUSY)",
    args: ['--busy-reply-threshold', '50'],
    begin: async ({ client, redis }) => {
      const busy = connect(redis.port, redis.host).on('error', () => {})
      busy.write("EVAL 'while true do end' 0\r\n")
      undo = async () => {
        await client.script('KILL')
        busy.destroy()
      }
    },
    end: () => undo(),
  },
  {
    name: 'is behind a half-open connection',
    begin: async ({ proxy }) => {
      proxy.hold()
      proxy.holdReplies()
    },
    end: async ({ proxy }) => {
      proxy.release()
      proxy.releaseReplies()
    },
  },
  {
    name: 'has lost its name (DNS)',
    begin: async ({ proxy }) => {
      known = false
      proxy.cutAll()
    },
    end: async () => {
      known = true
    },
  },
]

describe('R2: a store that', () => {
  test.each(AWAY.map((fault) => [fault.name, fault] as const))(
    '%s: 503 within C, nobody closed, exact afterwards without a restart',
    async (_, fault) => {
      const on = await stage(fault.args)
      const { limiter, books, open } = on
      await fault.begin(on)
      onTestFinished(() => fault.end(on).catch(() => {}) as Promise<void>)
      // The first may have been decided before the fault took hold; then its slot is given back.
      await until(async () => {
        const [answer] = (await ask(limiter, 1)) as [Admission]
        if (answer.admitted) answer.release()
        return !answer.admitted
      })
      const codes = new Set<string>()
      for (let round = 0; round < 2; round++) {
        const startMs = performance.now()
        for (const answer of await ask(limiter, 4)) {
          if (answer.admitted) answer.release()
          codes.add(answer.admitted ? 'admitted' : answer.code)
        }
        expect(performance.now() - startMs).toBeLessThan(C_MS + LATE_MS)
      }
      // A slow Redis answers now and then, and then rightly: what it admits is no mistake.
      codes.delete('admitted')
      expect([...codes]).toEqual(['STORE_UNAVAILABLE'])
      expect(open.map(({ lost }) => lost.aborted)).toEqual([false, false])

      await fault.end(on)
      const third = await until(
        async () => {
          const [answer] = (await ask(limiter, 1)) as [Admission]
          if (!answer.admitted && answer.code === 'RECOVERING') expect(fault.recovers).toBe(true)
          return answer.admitted && answer
        },
        { withinMs: 10_000, what: 'an admission when the store is back' },
      )
      const [fourth] = (await ask(limiter, 1)) as [Admission]
      expect(fourth).toMatchObject({ admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 3 })
      expect(open.map(({ lost }) => lost.aborted)).toEqual([false, false])
      const held = [...open, third].map(({ connectionId }) => connectionId).sort()
      await until(async () => JSON.stringify(await books.ids('acme')) === JSON.stringify(held), {
        what: 'Redis holds exactly what is open',
      })
    },
  )
})

const UNNOTICED: readonly (readonly [string, (on: Stage) => Promise<unknown>])[] = [
  ['a forgotten script (NOSCRIPT)', ({ client }) => client.script('FLUSH', 'SYNC')],
  [
    'a reset in the middle of what was sent',
    async ({ proxy }) => {
      await until(() => proxy.heldBytes > 0)
      proxy.cutAll()
      proxy.release()
    },
  ],
  [
    'an answer lost although the script ran',
    async ({ proxy }) => {
      await until(() => proxy.heldReplyBytes > 0)
      proxy.cutAll()
      proxy.releaseReplies()
    },
  ],
]

describe('R2, S4: within C nobody notices', () => {
  test.each(UNNOTICED)('%s', async (name, fault) => {
    const on = await stage([], PATIENT_C_MS)
    const { limiter, books, open, proxy } = on
    const mine = [...open]
    let quickestMs = Number.POSITIVE_INFINITY
    for (let round = 0; round < 5; round++) {
      if (name.startsWith('a reset')) proxy.hold()
      if (name.startsWith('an answer')) proxy.holdReplies()
      const startMs = performance.now()
      const asked = ask(limiter, 5)
      await fault(on)
      const answers = await asked
      quickestMs = Math.min(quickestMs, performance.now() - startMs)
      const taken = answers.filter((one): one is Admitted => one.admitted)
      const codes = answers.flatMap((one) => (one.admitted ? [] : [one.code]))
      expect(codes).toEqual(Array(codes.length).fill('ORG_CONNECTION_LIMIT_EXCEEDED'))
      expect(taken).toHaveLength(3 - mine.length)
      mine.push(...taken)
      mine.shift()!.release()
      const held = mine.map(({ connectionId }) => connectionId).sort()
      await until(async () => JSON.stringify(await books.ids('acme')) === JSON.stringify(held))
    }
    // Each round is the same for the node, and a machine can only add to it.
    expect(quickestMs).toBeLessThan(C_MS)
  })
})

describe('R2: while the store is away', () => {
  test('an admission costs no call: one trial connection at a time asks whether it is back', async () => {
    const on = await stage()
    const { limiter, proxy } = on
    // Redis is there and silent: whatever the node says stays in the proxy and can be counted.
    proxy.hold()
    await until(async () => {
      await ask(limiter, 1)
      return !limiter.storeReachable && proxy.heldBytes > 0
    })
    await until(async () => {
      const startMs = performance.now()
      await ask(limiter, 1)
      return performance.now() - startMs < C_MS / 2
    })
    const [bytesBefore, startMs] = [proxy.heldBytes, performance.now()]
    let most = 0
    for (let i = 0; i < 40; i++) {
      const answers = await ask(limiter, 50)
      for (const answer of answers) expect(answer).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
      most = Math.max(most, proxy.connections)
    }
    const tookMs = performance.now() - startMs
    // 2,000 admissions would have said more than 300,000 bytes; a trial says a hello of a few hundred.
    expect(proxy.heldBytes - bytesBefore).toBeLessThan(2_000 * (1 + tookMs / (R_MS / 2)))
    expect(most).toBeLessThanOrEqual(1)
    proxy.release()
    await until(async () => (await ask(limiter, 1))[0]!.admitted)
  })

  test('a name that does not resolve yet: the node starts when it does', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    resolveHost()
    known = false
    const limiter = limiterAt(redis.port, freshPrefix())
    for (let i = 0; i < 5; i++) expect(await ask(limiter, 1)).toMatchObject([{ admitted: false, code: 'STARTING' }])
    expect(limiter.phase).toBe('starting')
    known = true
    await limiter.ready()
    expect(await ask(limiter, 1)).toMatchObject([{ admitted: true }])
  })

  test('MOVED is not followed: nobody else is asked', async () => {
    const visitors: Socket[] = []
    const elsewhere = createServer((socket) => visitors.push(socket))
    const elsewherePort = await freePort()
    await new Promise<void>((resolve) => elsewhere.listen(elsewherePort, '127.0.0.1', resolve))
    let refused = 0
    const cluster = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        // Clients send whole commands at once, and wait for as many answers.
        for (const command of bytes.toString('latin1').split(/(?=^\*\d+\r$)/m)) {
          const script = command.includes('evalsha')
          if (script) refused++
          socket.write(script ? `-MOVED 1 127.0.0.1:${elsewherePort}\r\n` : '+OK\r\n')
        }
      })
    })
    const port = await freePort()
    await new Promise<void>((resolve) => cluster.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => void [cluster.close(), elsewhere.close()])
    resolveHost()
    const limiter = limiterAt(port, freshPrefix())
    const causes: string[] = []
    limiter.on('store.left', ({ cause }) => causes.push(cause))
    await until(() => refused > 3, { withinMs: 10_000, what: 'it asks again, with backoff' })
    expect(causes.some((cause) => cause.includes('MOVED'))).toBe(true)
    expect(visitors).toEqual([])
    expect(limiter.phase).toBe('starting')
  })
})
