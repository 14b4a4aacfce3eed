import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Admission, Admitted } from '../../src/core/admission.js'
import type { Policies } from '../../src/core/policies.js'
import { LimiterNode } from '../../src/node/limiter-node.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'
import { declareDead, passTime, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'

const { renewIntervalMs: R, trustMs: D, callTimeoutMs: C } = SHORT

let clock: ManualClock
let store: SteeredStore
let node: LimiterNode

beforeEach(() => {
  clock = new ManualClock()
  store = steeredStore(clock)
})

afterEach(async () => {
  store.letAllThrough()
  for (const call of [...store.calls]) call.giveUp()
  await node.abandon()
  expect(clock.pending).toBe(0)
})

async function start(policies: Partial<Policies>): Promise<void> {
  node = new LimiterNode({
    ...{ store, timing: SHORT, clock, random: () => 0.5, connectionsPerOrg: 5, name: 'n', policies },
  })
  node.start()
  await turns()
}

const pass = (ms: number, stepMs = 5) => passTime(clock, ms, stepMs)

/** What is answered when a call's whole deadline has passed, and what a ticket waits beyond it. */
async function ask(): Promise<Admission> {
  const admission = node.admit({ org: 'acme' })
  await pass(C + 20)
  return admission
}

/** The node hears nothing more, and nobody answers its connections either. */
async function goAway(): Promise<void> {
  store.away = true
  for (const call of [...store.calls]) call.giveUp()
  await pass(C)
}

describe('R2: the store goes away', () => {
  test('after it had lost its memory, and before it was told what is open: the policy is asked all the same', async () => {
    await start({ onStoreDown: 'allow' })
    expect(await ask()).toMatchObject({ admitted: true })
    store.holdUp('reassert')
    store.inner.tables.wipe()
    await pass(2 * R)
    expect(store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    await goAway()
    expect(await ask()).toMatchObject({ admitted: true })
  })

  test('and is there again, to be told what is open: who waits for that is told that it recovers', async () => {
    await start({})
    expect(await ask()).toMatchObject({ admitted: true })
    store.holdUp('reassert')
    store.inner.tables.wipe()
    await pass(2 * R)
    await goAway()
    expect(await ask()).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
    store.away = false
    await pass(2 * R)
    expect(store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    expect(await ask()).toMatchObject({ admitted: false, code: 'RECOVERING' })
  })

  test('under the first who asks: the call has the same deadline, and ends before anybody gives up', async () => {
    await start({ onStoreDown: 'allow' })
    await pass(R / 2)
    store.holdUp('acquire')
    const admission = node.admit({ org: 'acme' })
    await pass(C)
    await goAway()
    await pass(20)
    expect(await admission).toMatchObject({ admitted: true })
  })
})

describe('R5: the node was declared dead while it was away', () => {
  /** With a connection open; of that the store is about to be told. */
  async function returnDead(policies: Partial<Policies>): Promise<void> {
    await start(policies)
    expect(await ask()).toMatchObject({ admitted: true })
    store.holdUp('reassert')
    declareDead(store, [...store.inner.tables.live.keys()][0]!)
    await pass(R + C)
  }

  test('and is there again: nobody is admitted in the place of a store that is there, whatever the policy', async () => {
    await returnDead({ onStoreDown: 'allow' })
    expect(store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    expect(await ask()).toMatchObject({ admitted: false, code: 'RECOVERING' })
  })

  test.each([
    ['declared it dead', () => declareDead(store, [...store.inner.tables.live.keys()][0]!)],
    ['lost its memory', () => store.inner.tables.wipe()],
  ])('nor is anybody before a store that %s answers a hello', async (_, ends) => {
    await start({ onStoreDown: 'allow' })
    expect(await ask()).toMatchObject({ admitted: true })
    store.holdUp('hello')
    ends()
    expect(await ask()).toMatchObject({ admitted: false, code: 'RECOVERING' })
  })

  test('until the store has been told what is open it says that it recovers, and admits right after', async () => {
    await returnDead({})
    expect(store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    expect(node.recovers(), 'as whoever asks whether it would admit is told').toBe(true)
    expect(await ask()).toMatchObject({ admitted: false, code: 'RECOVERING' })
    store.letThrough('reassert')
    await store.calls[0]!.answer()
    await turns()
    expect(node.recovers()).toBe(false)
    expect(await ask()).toMatchObject({ admitted: true })
  })

  test('a store that goes away before it was told is away, and nothing else', async () => {
    await returnDead({})
    await goAway()
    expect(await ask()).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
  })
})

describe('R2: a debt that closes', () => {
  async function indebted(): Promise<Admitted> {
    await start({ onStoreDown: 'allow' })
    expect(await ask()).toMatchObject({ admitted: true })
    store.holdUp('renew')
    await pass(R)
    await goAway()
    return (await ask()) as Admitted
  }

  test('before the store was told of it leaves nothing to give back: however many come and go, none is kept', async () => {
    const debt = await indebted()
    expect(node.connections).toBe(2)
    debt.release()
    expect(node.connections).toBe(1)
    expect(node.waiting.releases).toBe(0)
  })

  test('while the store is being told of it is given back, since that may yet arrive', async () => {
    const debt = await indebted()
    store.holdUp('reassert')
    store.away = false
    await pass(2 * R)
    expect(store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    debt.release()
    expect(node.waiting.releases).toBe(1)
  })
})

test('R2: each debt of which the store has learned is told of, also where only some were before it went away again', async () => {
  await start({ onStoreDown: 'allow' })
  store.holdUp('renew')
  await pass(R)
  await goAway()
  const asked = Array.from({ length: 65 }, (_, i) => node.admit({ org: `org-${i}` }))
  await pass(C + 20)
  expect((await Promise.all(asked)).every(({ admitted }) => admitted)).toBe(true)
  const settled: number[] = []
  node.events.on('debt.settled', ({ connections }) => settled.push(connections))
  store.letThrough('renew')
  store.holdUp('reassert')
  store.away = false
  await pass(2 * R)
  await store.calls[0]!.answer()
  await turns()
  expect(
    store.calls.map(({ verb }) => verb),
    'the second page',
  ).toEqual(['reassert'])
  store.letThrough('reassert')
  store.calls[0]!.giveUp()
  await pass(2 * R)
  expect(settled).toEqual([64, 1])
})

test('S7: who is admitted between a hello and the first renewal is closed too when the lease lapses', async () => {
  await start({ onLeaseLost: 'close' })
  let lapses = 0
  node.events.on('lease.lapsed', () => lapses++)
  store.holdUp('renew')
  await pass(R)
  await goAway()
  await pass(2 * D)
  expect(lapses, 'control: the store was not heard for longer than D').toBe(1)
  store.away = false
  await pass(R + C)
  const admitted = (await ask()) as Admitted
  expect(admitted).toMatchObject({ admitted: true })
  await goAway()
  await pass(D)
  expect(admitted.lost.reason).toBe('STORE_AWAY')
})
