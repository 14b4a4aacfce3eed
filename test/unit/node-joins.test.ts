import { describe, expect, test } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import type { NodeEvents } from '../../src/core/events.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import type { Claim } from '../../src/store/lease-store.js'
import { MemoryStore } from '../../src/store/memory/store.js'
import { SHORT } from '../support/cluster.js'
import { nodeStage } from '../support/node-stage.js'
import { claimOf, declareDead, passTime, steeredStore, turns } from '../support/steered-node.js'

const { renewIntervalMs: R, trustMs: D, admissionTimeoutMs, recoveryMs, ttlMs: T } = SHORT
const AUDIT_MS = 30_000
const EVENTS = [
  ...['store.left', 'store.joined', 'store.misconfigured', 'lease.taken', 'lease.renewed', 'lease.lost'],
  ...['connections.reasserted', 'debt.settled', 'drift.repaired'],
] as const

const stage = nodeStage({ events: EVENTS })
const { start } = stage

async function admit(node: LimiterNode, org = 'acme', withinMs = 0): Promise<Admitted> {
  const admission = node.admit({ org })
  await turns()
  await pass(withinMs)
  const admitted = await admission
  if (!admitted.admitted) throw new Error(`refused: ${admitted.code}`)
  return admitted
}

const pass = (ms: number, stepMs = 10) => passTime(stage.clock, ms, stepMs)

/** The next renewal goes unanswered, and those after it are let through. */
async function loseSession(): Promise<void> {
  stage.store.holdUp('renew')
  await pass(R)
  stage.store.letThrough('renew')
  stage.store.calls[0]!.giveUp()
  await turns()
}

const lease = () => [...stage.store.inner.tables.live.keys()]
const payloads = (name: keyof NodeEvents) =>
  stage.told.filter(([event]) => event === name).map(([, payload]) => payload)

describe('what a node tells of its joining', () => {
  test('the lease and its epoch, the generation, and each renewal', async () => {
    await start()
    const taken = { lease: lease()[0], epoch: stage.store.inner.tables.epoch, recoveryMs: 0 }
    expect(stage.told).toEqual([
      ['lease.taken', taken],
      ['lease.renewed', { liveNodes: 1, deadLeases: 0, recoveryMs: 0 }],
      ['store.joined', { generation: 1 }],
    ])
    await loseSession()
    expect(stage.told.slice(3)).toEqual([
      ['store.left', { cause: 'no answer' }],
      ['lease.renewed', { liveNodes: 1, deadLeases: 0, recoveryMs: 0 }],
      ['store.joined', { generation: 2 }],
    ])
  })

  test('nothing of a store that lets in and refuses the rest, but why, each time', async () => {
    stage.store.holdUp('renew')
    await start()
    for (let i = 0; i < 3; i++) {
      stage.store.calls[0]!.giveUp()
      await pass(R)
    }
    expect(payloads('store.joined')).toEqual([])
    expect(payloads('store.left')).toEqual(Array(3).fill({ cause: 'no answer' }))
    stage.store.letThrough('renew')
    await stage.store.calls[0]!.answer()
    await turns()
    expect(payloads('store.joined')).toEqual([{ generation: 4 }])
  })

  test('why the store cannot be reached, and that a hello was not answered', async () => {
    stage.store.away = true
    await start()
    expect(payloads('store.left').at(-1)).toEqual({ cause: 'nobody there' })
    stage.store.away = false
    stage.store.holdUp('hello')
    await pass(R)
    stage.store.calls[0]!.giveUp()
    await turns()
    expect(payloads('store.left').at(-1)).toEqual({ cause: 'no answer' })
  })

  test('that Redis may throw keys away, and nothing where it may not or will not say', async () => {
    const { verbs } = stage.store.inner
    const hello = verbs.hello.bind(verbs)
    for (const evictionPolicy of ['noeviction', '', 'volatile-lru', 'allkeys-lru']) {
      verbs.hello = (request) => {
        const reply = hello(request)
        return reply.status === 'ok' ? { status: 'ok', value: { ...reply.value, evictionPolicy } } : reply
      }
      await start()
    }
    expect(payloads('store.misconfigured')).toEqual([{ evictionPolicy: 'allkeys-lru' }])
  })
})

describe('a lease that is lost', () => {
  test('by a renewal that says so is not asked for again', async () => {
    await start()
    const hellos = stage.store.hellos.length
    declareDead(stage.store, lease()[0]!)
    await pass(R)
    expect(stage.store.hellos.slice(hellos)).toMatchObject([{ generation: 1 }])
    expect(stage.store.hellos.at(-1)).not.toHaveProperty('known')
    expect(payloads('connections.reasserted')).toEqual([])
  })

  test('as a hello finds out is replaced on the same connection', async () => {
    await start()
    stage.store.holdUp('renew')
    await pass(R)
    declareDead(stage.store, lease()[0]!)
    const { connects } = stage.store
    stage.store.letThrough('renew')
    stage.store.calls[0]!.giveUp()
    await turns()
    expect([stage.store.connects - connects, payloads('lease.lost').length, lease().length]).toEqual([1, 1, 1])
  })

  test('is not so where an older hello came late: a higher generation opens it', async () => {
    await start()
    const [known] = lease()
    stage.store.inner.tables.live.get(known!)!.generation = 3
    await loseSession()
    await pass(2 * R)
    expect(stage.store.hellos.at(-1)).toMatchObject({ lease: known, generation: 4 })
    expect([payloads('lease.lost'), lease()]).toEqual([[], [known]])
    expect(payloads('store.left')).toEqual([{ cause: 'no answer' }, { cause: 'lease stale' }, { cause: 'lease stale' }])
  })
})

describe('what a node has to tell a store without memory (R1)', () => {
  test('is said with its hello: connections, or what operators have set, and nothing where there is neither', async () => {
    const node = await start()
    const reasserting = async () => {
      stage.store.inner.tables.wipe()
      await pass(2 * R)
      return stage.store.hellos.at(-1)!.reasserting
    }
    expect([stage.store.hellos[0]!.reasserting, await reasserting()]).toEqual([false, false])
    const one = await admit(node)
    expect(await reasserting()).toBe(true)
    one.release()
    await turns()
    expect(await reasserting()).toBe(false)
    await node.setLimit('acme', 4)
    await pass(2 * R)
    expect(await reasserting()).toBe(true)
  })

  test('is told though it has gone meanwhile: the recovery waits no longer for it than for others', async () => {
    stage.store = steeredStore(stage.clock, { recovery: true })
    const node = await start({ policies: { onStoreDown: 'allow' } })
    const recovering = () => stage.store.inner.tables.recovery !== undefined
    await pass(recoveryMs + 2 * R)
    expect([node.phase, recovering()]).toEqual(['running', false])
    stage.store.inner.tables.wipe()
    stage.store.holdUp('hello')
    await pass(R)
    // Nothing is open when the loss is heard of, and the first hello under a new lease goes unanswered.
    stage.store.away = true
    await stage.store.calls[0]!.loseAnswer()
    const debt = await admit(node, 'acme', admissionTimeoutMs)
    stage.store.away = false
    await pass(R)
    expect(stage.store.hellos.at(-1)).toMatchObject({ reasserting: true })
    debt.release()
    stage.store.letThrough('hello')
    await stage.store.calls[0]!.answer()
    await pass(recoveryMs + 2 * R)
    expect(recovering()).toBe(false)
    expect([payloads('connections.reasserted'), payloads('debt.settled')]).toEqual([[], []])
    const one = await admit(node)
    one.release()
  })

  test.each(['restore', 'reassert'] as const)('is told before anything else, or told again: %s', async (verb) => {
    const node = await start()
    await node.setLimit('acme', 4)
    await pass(2 * R)
    const one = await admit(node)
    stage.store.inner.tables.wipe()
    stage.store.holdUp(verb)
    await pass(R)
    expect(stage.store.calls.map((call) => call.verb)).toEqual([verb])
    stage.told = []
    stage.store.calls[0]!.giveUp()
    await pass(R / 2)
    expect(stage.told).toEqual([['store.left', { cause: 'no answer' }]])
    expect(stage.store.calls.map((call) => call.verb)).toEqual([verb])
    stage.store.letThrough(verb)
    await stage.store.calls[0]!.answer()
    await turns()
    expect(stage.told.map(([event]) => event)).toContain('store.joined')
    expect(await stage.store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 1 }])
    one.release()
  })

  test('however long it takes: the lease is renewed every R meanwhile, and not more often', async () => {
    const node = await start()
    const all: Admitted[] = []
    for (let n = 0; n < 200; n++) all.push(await admit(node, `org-${n}`))
    declareDead(stage.store, lease()[0]!)
    stage.store.holdUp('reassert')
    await pass(R)
    stage.told = []
    for (const afterMs of [R / 2, R / 2, R / 4]) {
      await pass(afterMs)
      await stage.store.calls[0]!.answer()
      await turns()
    }
    expect(stage.told).toEqual([['lease.renewed', { liveNodes: 1, deadLeases: 1, recoveryMs: 0 }]])
    for (const one of all) one.release()
  })
})

describe('admitted in the store’s absence (R2)', () => {
  test('is told to it as soon as it is back, that alone, and once', async () => {
    const node = await start({ policies: { onStoreDown: 'allow' } })
    const known = await admit(node)
    stage.store.away = true
    await loseSession()
    await pass(R)
    const debt = await admit(node, 'acme', admissionTimeoutMs)
    stage.store.away = false
    stage.store.holdUp('reassert')
    await pass(R)
    expect(stage.store.calls.map(({ said }) => (said[1] as Claim[]).map(({ id }) => id))).toEqual([[debt.connectionId]])
    expect(stage.store.calls[0]!.said[2]).toMatchObject({ mode: 'keep' })
    stage.store.letThrough('reassert')
    await stage.store.calls[0]!.answer()
    await loseSession()
    expect(payloads('debt.settled')).toEqual([{ connections: 1 }])
    expect(payloads('connections.reasserted')).toEqual([{ kept: 1, closed: 0, mode: 'keep' }])
    for (const one of [known, debt]) one.release()
  })
})

test('L5: a slot that nobody has is given back within an audit period, and no audit follows the stop', async () => {
  const node = await start()
  stage.store.inner.tables.take(lease()[0]!, claimOf('leak'))
  await pass(AUDIT_MS, 50)
  expect(payloads('drift.repaired')).toEqual([{ leaked: 1, missing: 0 }])
  await node.abandon()
  expect(stage.clock.pending).toBe(0)
})

test('an embedded store cannot outlive its node: its answers are used however late', async () => {
  const node = await start({ store: new MemoryStore({ timing: SHORT, clock: stage.clock }) })
  stage.clock.freeze(T)
  expect([T > D, node.storeReachable]).toEqual([true, true])
  const one = await admit(node)
  one.release()
})

describe('a stop', () => {
  test('L4: gives up the lease where it is a drain, and leaves it to expire where it is not', async () => {
    const drained = await start()
    const drain = drained.drain({ withinMs: 1_000 })
    await turns()
    await drain
    expect(lease()).toEqual([])
    const abandoned = await start()
    await abandoned.abandon()
    expect(lease()).toHaveLength(1)
    expect(payloads('store.left')).toEqual([])
  })

  test('while a hello is on its way joins nothing any more', async () => {
    stage.store.holdUp('hello')
    const node = await start()
    const stopped = node.abandon()
    await stage.store.calls[0]!.answer()
    await stopped
    expect(payloads('store.joined')).toEqual([])
  })
})
