import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import type { Admitted, Limiter } from '../../src/index.js'
import { leakGate } from '../support/leak-gate.js'
import { useLimiters } from '../support/limiters.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

leakGate()
const limiters = useLimiters()

/** A recovery that a busy machine does not miss, and calls that it answers in time. */
const TIMES = { leaseTtlMs: 4_000, renewIntervalMs: 500, storeTimeoutMs: 1_000 }

interface Two {
  /** Behind the proxy; whoever has its sockets closes none of them. */
  readonly far: Limiter
  readonly near: Limiter
  readonly networks: { readonly far: TcpProxy; readonly near: TcpProxy }
  /** Orgs of which a node has said that they hold too much. */
  readonly overLimit: string[]
}

/** Two nodes that close at D, and have the newest of a surplus closed. */
async function startTwo(org: number): Promise<Two> {
  const policies = { onLeaseLost: 'close', onLimitLowered: 'newest' } as const
  const options = { limits: { org }, policies, ...TIMES } as const
  const start = async () => {
    const proxy = await startProxy(limiters.redis.port)
    onTestFinished(() => proxy.stop())
    const [limiter] = (await limiters.start(1, { ...options, redis: proxy.url })) as [Limiter]
    return { limiter, proxy }
  }
  const [far, near] = [await start(), await start()]
  const overLimit: string[] = []
  for (const { limiter } of [far, near]) limiter.on('org.over_limit', (told) => overLimit.push(told.org))
  const networks = { far: far.proxy, near: near.proxy }
  return { far: far.limiter, near: near.limiter, networks, overLimit }
}

async function wipe(): Promise<void> {
  const operator = new Redis(limiters.redis.url)
  onTestFinished(() => operator.disconnect())
  await operator.flushall()
}

function cut(network: TcpProxy): void {
  network.refuse()
  network.cutAll()
}

function admitted(limiter: Limiter): Promise<Admitted> {
  const ask = async () => {
    const admission = await limiter.admit({ org: 'acme' })
    return admission.admitted && admission
  }
  return until(ask, { withinMs: 20_000, what: 'somebody is let in' })
}

/** Orders are given and heard: each of the nodes has renewed several times without a recovery. */
async function renewals(...nodes: Limiter[]): Promise<void> {
  const counts = nodes.map((node) => {
    const seen = { count: 0 }
    node.on('lease.renewed', ({ recoveryMs }) => {
      if (recoveryMs === 0) seen.count++
    })
    return seen
  })
  await until(() => counts.every(({ count }) => count > 4), { withinMs: 20_000, what: 'all nodes have renewed' })
}

test('R5: under `close` what D ends for while the store is being told counts only where there is room', async () => {
  const MANY = 320
  const { far, near, networks, overLimit } = await startTwo(MANY)
  const old = (await Promise.all(Array.from({ length: MANY }, () => far.admit({ org: 'acme' })))) as Admitted[]
  let isTold = false
  far.on('connections.reasserted', () => {
    isTold = true
  })
  // Each call takes most of its time, and it takes several to tell of all: D is over, and the recovery, before the last.
  networks.far.delay(350)
  await wipe()
  const young = [await admitted(near), await admitted(near), await admitted(near)]
  expect(isTold, 'control: the other is still telling').toBe(false)
  expect(old.every(({ closing }) => closing === 'STORE_AWAY')).toBe(true)
  await until(() => isTold, { withinMs: 20_000, what: 'all are told' })
  networks.far.delay(0)
  await renewals(far, near)
  expect([overLimit, young.map(({ closing }) => closing)]).toEqual([[], [undefined, undefined, undefined]])
})

test('R5: under `close` what was closed for D takes no room in a recovery from others that have yet to tell theirs', async () => {
  const { far, near, networks, overLimit } = await startTwo(1)
  const old = (await far.admit({ org: 'acme' })) as Admitted
  cut(networks.far)
  // Its lease is declared dead, and the room is another's.
  const young = await admitted(near)
  expect(old.closing).toBe('STORE_AWAY')
  cut(networks.near)
  await wipe()
  let isBack = false
  far.on('lease.renewed', ({ recoveryMs }) => {
    isBack = recoveryMs > 0
  })
  networks.far.accept()
  await until(() => isBack, { what: 'who has no slot comes first' })
  networks.near.accept()
  await renewals(far, near)
  expect([overLimit, young.closing]).toEqual([[], undefined])
})
