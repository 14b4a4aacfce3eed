import { describe, expect, test, vi } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import { closings } from '../../src/core/closures.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import type { LimiterNodeOptions } from '../../src/node/node-options.js'
import type { Claim } from '../../src/store/lease-store.js'
import { SHORT } from '../support/cluster.js'
import { nodeStage } from '../support/node-stage.js'
import { declareDead, passTime, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'

const { renewIntervalMs: R, trustMs: D, callTimeoutMs: C, ttlMs: T } = SHORT

const stage = nodeStage({
  events: ['lease.taken', 'lease.lost', 'store.left', 'store.joined', 'connections.reasserted'],
})

/** A node that admits. */
async function start(options?: Partial<LimiterNodeOptions>): Promise<LimiterNode> {
  const node = await stage.start(options)
  expect(node.phase).toBe('running')
  return node
}

async function admit(node: LimiterNode, org = 'acme'): Promise<Admitted> {
  const admission = node.admit({ org })
  await turns()
  const admitted = await admission
  if (!admitted.admitted) throw new Error(`refused: ${admitted.code}`)
  return admitted
}

const pass = (ms: number, stepMs = 10) => passTime(stage.clock, ms, stepMs)

const names = () => stage.told.map(([event]) => event)
const lease = () => [...stage.store.inner.tables.live.keys()]
const count = async () => (await stage.store.inspector.countOrgs(['acme']))[0]!.count

test('L4: a node that the store has never answered stops all the same, with no lease to give up', async () => {
  stage.store.holdUp('hello')
  const node = await stage.start()
  const stopped = node.drain({ withinMs: 2 * T })
  await pass(2 * T)
  await stopped
  expect(node.phase).toBe('stopped')
})

describe('S3: how long a node trusts its lease', () => {
  test('D counts from when the last successful renewal was sent, not from when it was answered', async () => {
    const node = await start()
    stage.store.holdUp('renew')
    await pass(R)
    expect(stage.store.calls).toHaveLength(1)
    await pass(150)
    await stage.store.calls[0]!.answer()
    await turns()
    await pass(D - 150 - 1, 1)
    expect(node.storeReachable).toBe(true)
    await pass(1)
    expect(node.storeReachable).toBe(false)
    await pass(D)
    await stage.store.calls.at(-1)!.answer()
    await turns()
    // The renewal that was sent long ago says nothing about the present.
    expect(node.storeReachable).toBe(false)
    await pass(R)
    await stage.store.calls.at(-1)!.answer()
    await turns()
    expect(node.storeReachable).toBe(true)
  })

  test.each([
    ['the process sleeps', () => stage.clock.freeze(D)],
    ['the machine sleeps, and only its wall clock goes on', () => stage.clock.setWall(stage.clock.wallMs() + D)],
  ])('an answer that comes after D is not used, and given back: %s', async (_, sleep) => {
    const node = await start()
    stage.store.holdUp('acquire')
    const asked = node.admit({ org: 'acme' })
    await turns()
    sleep()
    await stage.store.calls[0]!.answer()
    expect(await asked).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
    await turns()
    expect({ count: await count(), connections: node.connections }).toEqual({ count: 0, connections: 0 })
    // The next renewal restores the trust; nobody had declared the lease dead.
    stage.store.letThrough('acquire')
    await pass(R)
    const one = await admit(node)
    one.release()
  })

  test('R3: a wall clock set back does not make a lease look younger', async () => {
    const node = await start()
    stage.store.holdUp('renew')
    stage.clock.setWall(stage.clock.wallMs() - 3_600_000)
    await pass(D)
    expect(node.storeReachable).toBe(false)
  })
})

describe('renewed, refused and unanswered are three outcomes', () => {
  test('unanswered: the same lease with the next generation; slots and connections stay', async () => {
    const node = await start()
    const [known] = lease()
    const one = await admit(node)
    for (let generation = 2; generation <= 4; generation++) {
      stage.store.holdUp('renew')
      await pass(R)
      stage.store.calls[0]!.giveUp()
      stage.store.letThrough('renew')
      await pass(C)
      expect(stage.store.hellos.at(-1)).toMatchObject({
        lease: known,
        generation,
        known: { generation: generation - 1 },
      })
    }
    await pass(3 * R)
    expect(names()).not.toContain('lease.lost')
    expect(names().filter((name) => name === 'lease.taken')).toHaveLength(1)
    expect(
      names().filter((name) => name === 'store.joined'),
      'once a session',
    ).toHaveLength(4)
    expect(one.lost.aborted).toBe(false)
    expect(await count()).toBe(1)
    one.release()
  })

  test('unanswered for longer than the lease lasts: it lives on if nobody declared it dead', async () => {
    const node = await start()
    const [known] = lease()
    const one = await admit(node)
    stage.store.away = true
    stage.store.holdUp('renew')
    await pass(R)
    stage.store.calls[0]!.giveUp()
    stage.store.letThrough('renew')
    await pass(3 * T)
    stage.store.away = false
    await pass(2 * R)
    expect(node.storeReachable).toBe(true)
    expect(lease()).toEqual([known])
    expect(names()).not.toContain('lease.lost')
    one.release()
  })

  test('fenced: a new lease, and the connections are told again where there is room', async () => {
    const node = await start()
    const [known] = lease()
    const one = await admit(node)
    declareDead(stage.store, known!)
    await pass(R)
    await pass(C)
    expect(stage.told).toContainEqual(['lease.lost', { lease: known, reason: 'fenced' }])
    expect(stage.told).toContainEqual(['connections.reasserted', { kept: 1, closed: 0, mode: 'room' }])
    expect(lease()).not.toContain(known)
    expect({ count: await count(), lost: one.lost.aborted }).toEqual({ count: 1, lost: false })
    one.release()
    await turns()
    expect(await count()).toBe(0)
  })

  test('R1: lost: a new lease, and all are kept, whatever the limit says', async () => {
    const node = await start()
    const all = [await admit(node), await admit(node), await admit(node)]
    await node.setLimit('acme', 1)
    stage.store.inner.tables.wipe()
    stage.store.inner.tables.overrides.set('acme', 1)
    await pass(R)
    await pass(C)
    expect(stage.told).toContainEqual(['lease.lost', { lease: expect.any(Number), reason: 'lost' }])
    expect(stage.told).toContainEqual(['connections.reasserted', { kept: 3, closed: 0, mode: 'keep' }])
    expect(await count()).toBe(3)
    expect(all.some(({ lost }) => lost.aborted)).toBe(false)
    for (const one of all) one.release()
  })

  test('R1: a first hello whose answer is lost leaves no second lease for recovery to wait for', async () => {
    const node = await start()
    const one = await admit(node)
    stage.store.inner.tables.wipe()
    stage.store.holdUp('hello')
    await pass(R)
    // It knows nothing of the old one.
    await stage.store.calls[0]!.answer()
    await turns()
    // The new lease is opened, and nobody hears of it.
    await stage.store.calls[0]!.loseAnswer()
    const [opened] = lease()
    await pass(R)
    stage.store.letThrough('hello')
    await stage.store.calls[0]!.answer()
    await pass(C)
    expect(stage.store.hellos.filter(({ known }) => !known).slice(-2)).toMatchObject([
      { lease: opened, generation: 1, reasserting: true },
      { lease: opened, generation: 2, reasserting: true },
    ])
    expect(lease()).toEqual([opened])
    expect({ count: await count(), lost: one.lost.aborted }).toEqual({ count: 1, lost: false })
    one.release()
  })

  test('R1: a new lease of the store that has the old one is given back, however soon the address led there again', async () => {
    const node = await start()
    const one = await admit(node)
    const [held] = lease()
    const { tables } = stage.store.inner
    const { epoch } = tables
    stage.store.holdUp('hello', 'renew')
    await pass(R)
    stage.store.calls[0]!.giveUp()
    await turns()
    // As between two \`SWAPDB\`: the connection goes on, and another store hears what is said meanwhile.
    tables.epoch = `other-1t${Number.MAX_SAFE_INTEGER}`
    await stage.store.calls[0]!.answer()
    await turns()
    tables.epoch = epoch
    stage.store.letThrough('hello', 'renew')
    await stage.store.calls[0]!.answer()
    await pass(R)
    expect(stage.store.hellos.slice(-3)).toMatchObject([
      { lease: held, generation: 2 },
      { lease: expect.not.toSatisfy((other) => other === held), generation: 1 },
      { lease: held, generation: 3 },
    ])
    expect({ leases: lease(), dead: [...tables.dead] }).toEqual({ leases: [held], dead: [] })
    expect({ count: await count(), closing: one.closing }).toEqual({ count: 1, closing: undefined })
    expect(names().filter((name) => name.startsWith('lease.'))).toEqual(['lease.taken'])
    one.release()
  })

  test('a lease that died before its first hello was answered is given up for another', async () => {
    const node = await start()
    const one = await admit(node)
    declareDead(stage.store, lease()[0]!)
    stage.store.holdUp('hello')
    await pass(R)
    await stage.store.calls[0]!.loseAnswer()
    const [opened] = lease()
    declareDead(stage.store, opened!)
    await pass(R)
    stage.store.letThrough('hello')
    await stage.store.calls[0]!.answer()
    await pass(2 * R)
    expect(lease()).toEqual([stage.store.hellos.at(-1)!.lease])
    expect(lease()).not.toContain(opened)
    expect(names().filter((name) => name === 'lease.lost')).toHaveLength(1)
    expect({ count: await count(), lost: one.lost.aborted }).toEqual({ count: 1, lost: false })
    one.release()
  })

  test('R1: fenced, and then the store lost its memory before anybody heard of the new lease: nobody is kicked', async () => {
    const node = await start()
    const all = [await admit(node), await admit(node)]
    declareDead(stage.store, lease()[0]!)
    stage.store.holdUp('hello')
    await pass(R)
    stage.store.inner.tables.wipe()
    stage.store.inner.tables.overrides.set('acme', 1)
    // This hello begins the epoch, and the node never hears that it did.
    await stage.store.calls[0]!.loseAnswer()
    await pass(R)
    stage.store.letThrough('hello')
    await stage.store.calls[0]!.answer()
    await pass(2 * R)
    expect(stage.told).toContainEqual(['connections.reasserted', { kept: 2, closed: 0, mode: 'keep' }])
    expect(all.some(({ lost }) => lost.aborted)).toBe(false)
    for (const one of all) one.release()
  })

  test('what came of it is told, also where as many are closed as kept', async () => {
    const node = await start()
    const all = [await admit(node), await admit(node)]
    stage.store.inner.tables.overrides.set('acme', 1)
    declareDead(stage.store, lease()[0]!)
    await pass(2 * R)
    expect(stage.told).toContainEqual(['connections.reasserted', { kept: 1, closed: 1, mode: 'room' }])
    expect(all.map(({ closing }) => closing)).toEqual([undefined, 'LEASE_LOST'])
    for (const one of all) one.release()
  })

  test('where nothing was open, nothing is told', async () => {
    const node = await start()
    node.events.on('debt.settled', (payload) => stage.told.push(['debt.settled', { ...payload }]))
    // What operators have set is remembered, so the store hears of this node too.
    await node.setLimit('acme', 4)
    await pass(R)
    stage.store.inner.tables.wipe()
    await pass(2 * R)
    expect(names()).toContain('lease.lost')
    expect(names()).not.toContain('connections.reasserted')
    expect(names()).not.toContain('debt.settled')
  })

  test('lost, and then fenced before it was told: nobody is kicked for it', async () => {
    const node = await start()
    const all = [await admit(node), await admit(node)]
    stage.store.inner.tables.wipe()
    stage.store.inner.tables.overrides.set('acme', 1)
    stage.store.holdUp('reassert')
    await pass(R)
    await pass(C)
    declareDead(stage.store, lease()[0]!)
    stage.store.letThrough('reassert')
    await stage.store.calls[0]!.answer()
    await pass(2 * R)
    expect(stage.told).toContainEqual(['connections.reasserted', { kept: 2, closed: 0, mode: 'keep' }])
    expect(all.some(({ lost }) => lost.aborted)).toBe(false)
    for (const one of all) one.release()
  })

  test('a slot given back while the lease is lost is not told again', async () => {
    const node = await start()
    const [one, two] = [await admit(node), await admit(node)]
    declareDead(stage.store, lease()[0]!)
    stage.store.holdUp('hello')
    await pass(R)
    one.release()
    stage.store.letThrough('hello')
    await stage.store.calls[0]!.answer()
    await pass(R)
    expect(await count()).toBe(1)
    expect(node.connections).toBe(1)
    two.release()
    await turns()
    expect(await count()).toBe(0)
  })

  test('a slot given back while it is being told again is given back after that', async () => {
    const node = await start()
    const one = await admit(node)
    declareDead(stage.store, lease()[0]!)
    stage.store.holdUp('reassert')
    await pass(R)
    await pass(C)
    expect(stage.store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    one.release()
    await stage.store.calls[0]!.answer()
    await pass(R)
    expect({ count: await count(), connections: node.connections }).toEqual({ count: 0, connections: 0 })
  })
})

describe('after a fence', () => {
  /** Seven connections of this node, the last the youngest; then its lease is dead and another node takes some slots. */
  async function fencedWith(others: number) {
    const node = await start()
    await node.setLimit('acme', 7)
    const mine: Admitted[] = []
    for (let n = 0; n < 7; n++) {
      mine.push(await admit(node))
      await pass(10)
    }
    const other = await start({ store: steeredBeside(stage.store) })
    declareDead(stage.store, lease()[0]!)
    const theirs: Admitted[] = []
    for (let n = 0; n < others; n++) theirs.push(await admit(other))
    return { node, mine, theirs }
  }

  test('the oldest are kept while there is room, the rest are told to close with 4408', async () => {
    const { mine, theirs } = await fencedWith(3)
    await pass(2 * R)
    expect(mine.map(({ lost }) => lost.aborted)).toEqual([false, false, false, false, true, true, true])
    expect(mine.slice(4).map(({ lost }) => lost.reason)).toEqual(['LEASE_LOST', 'LEASE_LOST', 'LEASE_LOST'])
    expect(closings.LEASE_LOST.close).toBe(4408)
    expect(stage.told).toContainEqual(['connections.reasserted', { kept: 4, closed: 3, mode: 'room' }])
    expect(await count()).toBe(7)
    for (const one of [...mine, ...theirs]) one.release()
  })

  test('those without a slot get none later either, by the audit or by another loss, while they close', async () => {
    const { node, mine, theirs } = await fencedWith(3)
    await pass(2 * R)
    expect(node.connections).toBe(7)
    // The audit comes every 30 s.
    await pass(31_000, 50)
    expect(await count()).toBe(7)
    for (const one of mine.slice(4)) one.release()
    await turns()
    expect({ count: await count(), connections: node.connections }).toEqual({ count: 7, connections: 4 })
    for (const one of [...mine.slice(0, 4), ...theirs]) one.release()
    await turns()
    expect(await count()).toBe(0)
  })
})

test('many connections are told in bounded chunks, without those that go meanwhile, and the lease is renewed between', async () => {
  const node = await start()
  const all: Admitted[] = []
  for (let n = 0; n < 150; n++) all.push(await admit(node, `org-${n}`))
  declareDead(stage.store, lease()[0]!)
  stage.store.holdUp('reassert')
  await pass(R)
  const sizes: number[] = []
  for (let chunk = 0; chunk < 3; chunk++) {
    await pass(R)
    expect(stage.store.calls).toHaveLength(1)
    sizes.push((stage.store.calls[0]!.said[1] as Claim[]).length)
    // Of the last chunk, which has not been put together yet.
    if (chunk === 0) for (const one of all.slice(140)) one.release()
    await stage.store.calls[0]!.answer()
    await turns()
  }
  expect(sizes).toEqual([64, 64, 12])
  await pass(R)
  expect(stage.told).toContainEqual(['connections.reasserted', { kept: 140, closed: 0, mode: 'room' }])
  expect(names().filter((name) => name === 'lease.lost')).toHaveLength(1)
  expect(node.connections).toBe(140)
  for (const one of all) one.release()
  await turns()
  expect((await stage.store.inspector.nodes()).map(({ connections }) => connections)).toEqual([0])
})

test('the audit waits until the store has been told: what it has not heard of yet is no drift', async () => {
  const AUDIT_MS = 30_000
  const startMs = stage.clock.monotonicMs()
  const node = await start()
  const other = await start({ store: steeredBeside(stage.store) })
  const mine = [await admit(node), await admit(node), await admit(node), await admit(node)]
  await pass(AUDIT_MS - 300 - (stage.clock.monotonicMs() - startMs), 50)
  declareDead(stage.store, lease()[0]!)
  const theirs = [await admit(other), await admit(other), await admit(other)]
  stage.store.holdUp('reassert')
  await pass(AUDIT_MS + 50 - (stage.clock.monotonicMs() - startMs))
  expect(stage.store.calls.map(({ verb, said }) => [verb, said[2]])).toEqual([
    ['reassert', { mode: 'room', final: true }],
  ])
  stage.store.letThrough('reassert')
  for (const call of [...stage.store.calls]) await call.answer()
  await pass(2 * R)
  expect(await count()).toBe(5)
  expect(mine.map(({ lost }) => lost.aborted)).toEqual([false, false, true, true])
  for (const one of [...mine, ...theirs]) one.release()
})

/** Another way into the same store. */
function steeredBeside(one: SteeredStore): SteeredStore {
  const other = steeredStore(stage.clock)
  return Object.assign(other, { inner: one.inner })
}

test('S5: all probes are told with one renewal and those that follow at once, and then it rests for R', async () => {
  await start()
  const { probes } = stage.store.inner.tables
  for (let n = 0; n < 130; n++) probes.set(`${lease()[0]}:user:${n}`, lease()[0]!)
  const renewals = vi.fn()
  stage.nodes[0]!.events.on('lease.renewed', renewals)
  await pass(R)
  expect([probes.size, renewals.mock.calls.length]).toEqual([0, 3])
  await pass(R - 10)
  expect(renewals).toHaveBeenCalledTimes(3)
})

describe('a store that cannot be reached', () => {
  test('is tried again at growing distances, never longer than R', async () => {
    await start()
    stage.store.away = true
    stage.store.holdUp('renew')
    await pass(R)
    stage.store.calls[0]!.giveUp()
    const attempts: number[] = []
    let seen = stage.store.connects
    for (let n = 0; n < 4_000; n++) {
      await turns()
      if (stage.store.connects > seen) attempts.push(stage.clock.monotonicMs())
      // More than one attempt in a millisecond would be a spin.
      expect(stage.store.connects - seen).toBeLessThanOrEqual(2)
      seen = stage.store.connects
      stage.clock.advance(1)
    }
    const pauses = attempts.slice(1).map((at, i) => at - attempts[i]!)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(R)
    expect(pauses.at(-1)).toBeGreaterThan(R / 2)
    expect(pauses[0]).toBeLessThan(R / 2)
    expect(attempts.length).toBeLessThan((4_000 / R) * 2 + 10)
    stage.store.away = false
    await pass(R)
    expect(stage.nodes[0]!.storeReachable).toBe(true)
  })

  /** A store that leaves these calls unanswered for 4 s is tried again, neither too often nor too seldom, and found. */
  async function triesInVain(...verbs: Parameters<typeof stage.store.letThrough>) {
    const before = stage.store.connects
    for (let passed = 0; passed < 4_000; passed += 5) {
      for (const call of [...stage.store.calls]) call.giveUp()
      await turns()
      stage.clock.advance(5)
    }
    const tries = stage.store.connects - before
    expect(tries).toBeGreaterThan(4_000 / R - 2)
    expect(tries).toBeLessThan((4_000 / R) * 2 + 10)
    stage.store.letThrough(...verbs)
    for (const call of [...stage.store.calls]) call.giveUp()
    await pass(2 * R)
    expect(stage.nodes[0]!.storeReachable).toBe(true)
  }

  test('also when it takes connections and answers no hello', async () => {
    await start()
    stage.store.holdUp('hello', 'renew')
    await pass(R)
    stage.store.calls[0]!.giveUp()
    await turns()
    await triesInVain('hello', 'renew')
  })

  test('also when it answers each hello and nothing else', async () => {
    await start()
    stage.store.holdUp('renew')
    await triesInVain('renew')
  })

  test('is tried again at once whenever a session has lived through a renewal, however many have ended', async () => {
    await start()
    for (let ended = 0; ended < 5; ended++) {
      await pass(2 * R)
      stage.store.holdUp('renew')
      await pass(R)
      stage.store.letThrough('renew')
      const { connects } = stage.store
      stage.store.calls[0]!.giveUp()
      await turns()
      expect([stage.store.connects - connects, stage.nodes[0]!.storeReachable]).toEqual([1, true])
    }
  })

  test('a stop does not wait for it', async () => {
    const node = await start()
    stage.store.away = true
    stage.store.holdUp('renew')
    await pass(R)
    stage.store.calls[0]!.giveUp()
    await pass(1_000)
    await node.drain({ withinMs: 10_000 })
    expect(node.phase).toBe('stopped')
    const { connects } = stage.store
    await pass(1_000)
    expect(stage.store.connects).toBe(connects)
  })
})
