import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import type { NodeEvents } from '../../src/core/events.js'
import { LimiterNode } from '../../src/node/limiter-node.js'
import type { LimiterNodeOptions } from '../../src/node/node-options.js'
import type { Claim, LeaseStore } from '../../src/store/lease-store.js'
import { MemoryStore } from '../../src/store/memory-store.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'
import { claimOf, declareDead, passTime, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'

const { renewIntervalMs: R, trustMs: D, admissionTimeoutMs, ttlMs: T } = SHORT
const AUDIT_MS = 30_000
const EVENTS = [
  ...['store.left', 'store.joined', 'store.misconfigured', 'lease.taken', 'lease.renewed', 'lease.lost'],
  ...['connections.reasserted', 'debt.settled', 'drift.repaired'],
] as (keyof NodeEvents)[]

let clock: ManualClock
let store: SteeredStore
let nodes: LimiterNode[]
let told: [keyof NodeEvents, unknown][]

beforeEach(() => {
  clock = new ManualClock()
  store = steeredStore(clock)
  nodes = []
  told = []
})

afterEach(async () => {
  store.letThrough('hello', 'acquire', 'renew', 'reassert', 'restore', 'leave')
  for (const call of [...store.calls]) call.giveUp()
  await Promise.all(nodes.map((node) => node.abandon()))
  expect(clock.pending).toBe(0)
})

/** A node whose renewals come every R exactly. */
async function start(options: Partial<LimiterNodeOptions> = {}, at: LeaseStore = store): Promise<LimiterNode> {
  const node = new LimiterNode({
    ...{ store: at, timing: SHORT, clock, random: () => 0.5, connectionsPerOrg: 5, name: 'n' },
    ...options,
  })
  for (const event of EVENTS) node.events.on(event, (payload) => told.push([event, payload]))
  nodes.push(node)
  node.start()
  await turns()
  return node
}

async function admit(node: LimiterNode, org = 'acme', withinMs = 0): Promise<Admitted> {
  const admission = node.admit({ org })
  await turns()
  await pass(withinMs)
  const admitted = await admission
  if (!admitted.admitted) throw new Error(`refused: ${admitted.code}`)
  return admitted
}

const pass = (ms: number, stepMs = 10) => passTime(clock, ms, stepMs)

/** The next renewal goes unanswered, and those after it are let through. */
async function loseSession(): Promise<void> {
  store.holdUp('renew')
  await pass(R)
  store.letThrough('renew')
  store.calls[0]!.giveUp()
  await turns()
}

const lease = () => [...store.inner.tables.live.keys()]
const payloads = (name: keyof NodeEvents) => told.filter(([event]) => event === name).map(([, payload]) => payload)

describe('what a node tells of its joining', () => {
  test('the lease and its epoch, the generation, and each renewal', async () => {
    await start()
    const taken = { lease: lease()[0], epoch: store.inner.tables.epoch, recoveryMs: 0 }
    expect(told).toEqual([
      ['lease.taken', taken],
      ['store.joined', { generation: 1 }],
      ['lease.renewed', { liveNodes: 1, deadLeases: 0, recoveryMs: 0 }],
    ])
    await loseSession()
    expect(told.slice(3)).toEqual([
      ['store.left', { cause: 'no answer' }],
      ['store.joined', { generation: 2 }],
      ['lease.renewed', { liveNodes: 1, deadLeases: 0, recoveryMs: 0 }],
    ])
  })

  test('why the store cannot be reached, and that a hello was not answered', async () => {
    store.away = true
    await start()
    expect(payloads('store.left').at(-1)).toEqual({ cause: 'nobody there' })
    store.away = false
    store.holdUp('hello')
    await pass(R)
    store.calls[0]!.giveUp()
    await turns()
    expect(payloads('store.left').at(-1)).toEqual({ cause: 'no answer' })
  })

  test('that Redis may throw keys away, and nothing where it may not or will not say', async () => {
    const { verbs } = store.inner
    const hello = verbs.hello.bind(verbs)
    for (const evictionPolicy of ['noeviction', '', 'allkeys-lru']) {
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
    const hellos = store.hellos.length
    declareDead(store, lease()[0]!)
    await pass(R)
    expect(store.hellos.slice(hellos)).toMatchObject([{ generation: 1 }])
    expect(store.hellos.at(-1)).not.toHaveProperty('known')
    expect(payloads('connections.reasserted')).toEqual([])
  })

  test('as a hello finds out is replaced on the same connection', async () => {
    await start()
    store.holdUp('renew')
    await pass(R)
    declareDead(store, lease()[0]!)
    const { connects } = store
    store.letThrough('renew')
    store.calls[0]!.giveUp()
    await turns()
    expect([store.connects - connects, payloads('lease.lost').length, lease().length]).toEqual([1, 1, 1])
  })

  test('is not so where an older hello came late: a higher generation opens it', async () => {
    await start()
    const [known] = lease()
    store.inner.tables.live.get(known!)!.generation = 3
    await loseSession()
    await pass(2 * R)
    expect(store.hellos.at(-1)).toMatchObject({ lease: known, generation: 4 })
    expect([payloads('lease.lost'), lease()]).toEqual([[], [known]])
  })
})

describe('what a node has to tell a store without memory (R1)', () => {
  test('is said with its hello: connections, or what operators have set, and nothing where there is neither', async () => {
    const node = await start()
    const reasserting = async () => {
      store.inner.tables.wipe()
      await pass(2 * R)
      return store.hellos.at(-1)!.reasserting
    }
    expect([store.hellos[0]!.reasserting, await reasserting()]).toEqual([false, false])
    const one = await admit(node)
    expect(await reasserting()).toBe(true)
    one.release()
    await turns()
    expect(await reasserting()).toBe(false)
    await node.setLimit('acme', 4)
    await pass(2 * R)
    expect(await reasserting()).toBe(true)
  })

  test.each(['restore', 'reassert'] as const)('is told before anything else, or told again: %s', async (verb) => {
    const node = await start()
    await node.setLimit('acme', 4)
    await pass(2 * R)
    const one = await admit(node)
    store.inner.tables.wipe()
    store.holdUp(verb)
    await pass(R)
    expect(store.calls.map((call) => call.verb)).toEqual([verb])
    told = []
    store.calls[0]!.giveUp()
    await pass(R / 2)
    expect(told).toEqual([['store.left', { cause: 'no answer' }]])
    expect(store.calls.map((call) => call.verb)).toEqual([verb])
    store.letThrough(verb)
    await store.calls[0]!.answer()
    await turns()
    expect(told.map(([event]) => event)).toContain('store.joined')
    expect(await store.countOrgs(['acme'])).toMatchObject([{ count: 1 }])
    one.release()
  })

  test('however long it takes: the lease is renewed every R meanwhile, and not more often', async () => {
    const node = await start()
    const all: Admitted[] = []
    for (let n = 0; n < 200; n++) all.push(await admit(node, `org-${n}`))
    declareDead(store, lease()[0]!)
    store.holdUp('reassert')
    await pass(R)
    told = []
    for (const afterMs of [R / 2, R / 2, R / 4]) {
      await pass(afterMs)
      await store.calls[0]!.answer()
      await turns()
    }
    expect(told).toEqual([['lease.renewed', { liveNodes: 1, deadLeases: 1, recoveryMs: 0 }]])
    for (const one of all) one.release()
  })
})

describe('admitted in the store’s absence (R2)', () => {
  test('is told to it as soon as it is back, that alone, and once', async () => {
    const node = await start({ policies: { onStoreDown: 'allow' } })
    const known = await admit(node)
    store.away = true
    await loseSession()
    await pass(R)
    const debt = await admit(node, 'acme', admissionTimeoutMs)
    store.away = false
    store.holdUp('reassert')
    await pass(R)
    expect(store.calls.map(({ said }) => (said[1] as Claim[]).map(({ id }) => id))).toEqual([[debt.connectionId]])
    expect(store.calls[0]!.said[2]).toMatchObject({ mode: 'keep' })
    store.letThrough('reassert')
    await store.calls[0]!.answer()
    await loseSession()
    expect(payloads('debt.settled')).toEqual([{ connections: 1 }])
    expect(payloads('connections.reasserted')).toEqual([{ kept: 1, closed: 0, mode: 'keep' }])
    for (const one of [known, debt]) one.release()
  })
})

test('L5: a slot that nobody has is given back within an audit period, and no audit follows the stop', async () => {
  const node = await start()
  store.inner.tables.take(lease()[0]!, claimOf('leak'))
  await pass(AUDIT_MS, 50)
  expect(payloads('drift.repaired')).toEqual([{ leaked: 1, missing: 0 }])
  await node.abandon()
  expect(clock.pending).toBe(0)
})

test('an embedded store cannot outlive its node: its answers are used however late', async () => {
  const node = await start({}, new MemoryStore({ timing: SHORT, clock }))
  clock.freeze(T)
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
    store.holdUp('hello')
    const node = await start()
    const stopped = node.abandon()
    await store.calls[0]!.answer()
    await stopped
    expect(payloads('store.joined')).toEqual([])
  })
})
