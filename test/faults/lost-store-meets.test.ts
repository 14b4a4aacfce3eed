import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import type { Admitted, Limiter, LimiterOptions } from '../../src/index.js'
import { leakGate } from '../support/leak-gate.js'
import { useLimiters } from '../support/limiters.js'
import { startProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

leakGate()
const limiters = useLimiters()

/** A recovery that a busy machine does not miss, and calls that it answers in time. */
const TIMES = { leaseTtlMs: 4_000, renewIntervalMs: 500, storeTimeoutMs: 1_000 }

async function wipe(): Promise<void> {
  const operator = new Redis(limiters.redis.url)
  onTestFinished(() => operator.disconnect())
  await operator.flushall()
}

/** The store is wiped, and all of these have told it of their connections. */
async function loseMemory(nodes: readonly Limiter[]): Promise<void> {
  const recovered = new Set<Limiter>()
  for (const node of nodes) {
    let isTaken = false
    node.on('lease.taken', () => {
      isTaken = true
    })
    node.on('lease.renewed', ({ recoveryMs }) => isTaken && recoveryMs === 0 && recovered.add(node))
  }
  await wipe()
  await until(() => recovered.size === nodes.length, { withinMs: 20_000, what: 'the recovery is over' })
}

test('L2, R1: a resume token from before the store lost its memory is good afterwards', async () => {
  const [one, two] = (await limiters.start(2, { limits: { org: 1 }, ...TIMES })) as [Limiter, Limiter]
  const old = (await one.admit({ org: 'acme' })) as Admitted
  const { resumeToken } = old
  await loseMemory([one, two])
  expect(old.lost.aborted).toBe(false)
  expect(await two.admit({ org: 'acme', resumeToken })).toMatchObject({ admitted: true, replaces: old.connectionId })
  await until(() => old.closing === 'TAKEN_OVER', { what: 'the old connection is told to close' })
})

test('R1: while the store recovers `canAccept` says what `admit` does, although the org seems to hold nothing', async () => {
  const [one] = (await limiters.start(1, { limits: { org: 1 }, ...TIMES })) as [Limiter]
  await one.admit({ org: 'acme' })
  let recovers = false
  one.on('lease.taken', ({ recoveryMs }) => {
    recovers = recoveryMs > 0
  })
  await wipe()
  await until(() => recovers, { what: 'the recovery has begun' })
  const [says, does] = await Promise.all([one.canAccept('globex'), one.admit({ org: 'globex' })])
  expect(does).toMatchObject({ admitted: false, code: 'RECOVERING' })
  expect(says).toBe(false)
})

test('R2, R1: `local` divides by the nodes that there are, also where a store without memory has heard of one alone', async () => {
  const nodes: { limiter: Limiter; goAway(): void; comeBack(): void; known: number; recovers: boolean }[] = []
  for (let i = 0; i < 3; i++) {
    const proxy = await startProxy(limiters.redis.port)
    onTestFinished(() => proxy.stop())
    const options = { redis: proxy.url, limits: { org: 6 }, policies: { onStoreDown: 'local' }, ...TIMES } as const
    const [limiter] = (await limiters.start(1, options)) as [Limiter]
    const node = {
      ...{ limiter, known: 0, recovers: false },
      goAway() {
        proxy.refuse()
        proxy.cutAll()
      },
      comeBack: () => proxy.accept(),
    }
    limiter.on('lease.renewed', ({ liveNodes, recoveryMs }) => {
      Object.assign(node, { known: liveNodes, recovers: recoveryMs > 0 })
    })
    nodes.push(node)
  }
  await until(() => nodes.every(({ known }) => known === 3), { what: 'every node knows all' })
  for (const node of nodes) node.goAway()
  // As a Redis does that cannot start: each time it is empty, and gone again before more than one node has come.
  for (const node of nodes) {
    await wipe()
    node.comeBack()
    await until(() => node.recovers, { what: 'one node is back' })
    expect(node.known).toBe(1)
    node.goAway()
    await until(() => !node.limiter.storeReachable, { what: 'the store is away again' })
  }
  const admitted = await Promise.all(
    nodes.map(async ({ limiter }) => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => limiter.admit({ org: 'acme' })))
      return answers.filter((answer) => answer.admitted).length
    }),
  )
  expect(admitted).toEqual([2, 2, 2])
})

test('L5, R5: who was evicted while its node was cut off is closed when the node is back, whatever lease that has then', async () => {
  const proxy = await startProxy(limiters.redis.port)
  onTestFinished(() => proxy.stop())
  const [far] = (await limiters.start(1, { redis: proxy.url, limits: { org: 3 }, ...TIMES })) as [Limiter]
  const [near] = (await limiters.start(1, { limits: { org: 3 }, ...TIMES })) as [Limiter]
  const [evicted, other] = [await far.admit({ org: 'acme' }), await far.admit({ org: 'acme' })] as [Admitted, Admitted]
  let isFenced = false
  far.on('lease.lost', ({ reason }) => {
    isFenced = reason === 'fenced'
  })
  proxy.refuse()
  proxy.cutAll()
  expect(await near.evict({ connectionId: evicted.connectionId })).toMatchObject({ ordered: 1 })
  await until(async () => (await near.nodes()).length === 1, { withinMs: 20_000, what: 'the lease is dead' })
  proxy.accept()
  await until(() => evicted.closing !== undefined, { withinMs: 20_000, what: 'it is told to close' })
  expect([isFenced, evicted.closing, other.closing]).toEqual([true, 'EVICTED', undefined])
  evicted.release()
  await until(async () => (await near.orgStats('acme')).currentCount === 1, { what: 'its slot is free' })
})

test('R1: under `close` too nobody is closed for a lost store who can tell it in time, and all of them count', async () => {
  const options = { limits: { org: 2 }, policies: { onLeaseLost: 'close' }, ...TIMES } as const
  const [one, two] = (await limiters.start(2, options)) as [Limiter, Limiter]
  const open = [await one.admit({ org: 'acme' }), await two.admit({ org: 'acme' })] as [Admitted, Admitted]
  await loseMemory([one, two])
  expect(open.map(({ closing }) => closing)).toEqual([undefined, undefined])
  expect(open.map(({ mayCarryFrames }) => mayCarryFrames!())).toEqual([true, true])
  expect(await one.admit({ org: 'acme' })).toMatchObject({ admitted: false, currentCount: 2 })
})

/** Of two nodes one is cut off from a store that loses its memory, until the other has let somebody in instead. */
async function replacedWhileCutOff(policies: LimiterOptions['policies']) {
  const proxy = await startProxy(limiters.redis.port)
  onTestFinished(() => proxy.stop())
  const options = { limits: { org: 1 }, policies, ...TIMES } as const
  const [cutOff] = (await limiters.start(1, { ...options, redis: proxy.url })) as [Limiter]
  const [other] = (await limiters.start(1, options)) as [Limiter]
  const old = (await cutOff.admit({ org: 'acme' })) as Admitted
  proxy.refuse()
  proxy.cutAll()
  await wipe()
  const young = await until(
    async () => {
      const admission = await other.admit({ org: 'acme' })
      return admission.admitted && admission
    },
    { withinMs: 20_000, what: 'another is let in' },
  )
  return { proxy, cutOff, other, old, young }
}

test('R5, R1: under `close` nothing is open that the store does not know, also where it is lost while a node is cut off', async () => {
  const { old } = await replacedWhileCutOff({ onLeaseLost: 'close' })
  expect(old.lost.aborted).toBe(true)
})

/** As where a machine has slept, or whoever has the socket is slow: its slot is gone, and others have the room. */
test('R5: under `close` what is slow to close after D is no surplus: nobody else is closed for it', async () => {
  const policies = { onLeaseLost: 'close', onLimitLowered: 'newest' } as const
  const { proxy, cutOff, other, old, young } = await replacedWhileCutOff(policies)
  expect(old.closing).toBe('STORE_AWAY')
  const overLimit: string[] = []
  for (const node of [cutOff, other]) node.on('org.over_limit', ({ org }) => overLimit.push(org))
  let [told, heard] = [0, 0]
  cutOff.on('lease.renewed', () => told++)
  other.on('lease.renewed', () => heard++)
  proxy.accept()
  await until(() => told > 2, { what: 'the other is back' })
  heard = 0
  await until(() => heard > 2, { what: 'orders are heard' })
  expect([overLimit, young.closing]).toEqual([[], undefined])
})
