import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import { Auditor } from '../../src/node/auditor.js'
import type { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import type { Session } from '../../src/node/lease/session.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import { MAX_ITEMS } from '../../src/store/lease-store.js'
import { encodeEntry } from '../../src/store/redis/codec.js'
import { ManualClock } from '../support/manual-clock.js'
import { claimOf, connectionOf, SessionMaker, steeredStore, takeSlots, turns } from '../support/steered-node.js'
import { memoryBench, type RedisBench, redisBench, type StoreBench } from '../support/store-bench.js'
import { until } from '../support/until.js'

/** A store with which a test can meddle behind the node's back. */
interface Keeper {
  readonly bench: StoreBench
  /** A slot that no connection has: index and member, or one of the two. */
  plant(lease: number, id: string, org: string, what: 'whole' | 'index'): Promise<void>
  loseMember(id: string, org: string): Promise<void>
  loseIndex(lease: number, id: string): Promise<void>
  /** The member is somebody else's. */
  steal(id: string, org: string): Promise<void>
}

async function onRedis(): Promise<Keeper> {
  const bench: RedisBench = await redisBench()
  const { redis, keys } = bench
  const set = (org: string) => keys.scope({ name: 'org', id: org })
  return {
    bench,
    async plant(lease, id, org, what) {
      await redis.hset(keys.conns(lease), id, encodeEntry(claimOf(id, org)))
      if (what === 'whole') await redis.zadd(set(org), lease, id)
    },
    loseMember: async (id, org) => void (await redis.zrem(set(org), id)),
    loseIndex: async (lease, id) => void (await redis.hdel(keys.conns(lease), id)),
    steal: async (id, org) => void (await redis.zadd(set(org), 99, id)),
  }
}

async function onTwin(): Promise<Keeper> {
  const bench = memoryBench()
  const { tables } = bench.store
  return {
    bench,
    async plant(lease, id, org, what) {
      if (what === 'whole') tables.take(lease, claimOf(id, org))
      else tables.addIndex(lease, { id, scopes: [{ name: 'org', id: org }], details: '{}' })
    },
    loseMember: async (id, org) => tables.remove(`org:${org}`, id),
    loseIndex: async (lease, id) => tables.removeIndex(lease, id),
    steal: async (id, org) => tables.add(`org:${org}`, id, 99),
  }
}

let benches: StoreBench[] = []

afterEach(async () => {
  await Promise.all(benches.map((bench) => bench.close()))
  benches = []
})

/** A node's lists and its auditor, over one session; it looks into all sets at once where `rounds` is 1. */
function auditorOver(session: Session, rounds?: number) {
  const held = new HeldConnections()
  const releases = new ReleaseQueue(new ManualClock())
  const events = new EventBus()
  const repairs: NodeEvents['drift.repaired'][] = []
  const policies: string[] = []
  events.on('drift.repaired', (repair) => repairs.push(repair))
  releases.open(session)
  const auditor = new Auditor({
    clock: systemClock,
    events,
    held,
    releases,
    session: () => session,
    onPolicy: (policy) => policies.push(policy),
    ...(rounds && { rounds }),
  })
  return { session, held, releases, repairs, policies, auditor }
}

/** The same over a store that keeps its own books. */
async function audited({ bench }: Keeper, rounds: number | undefined = 1) {
  benches.push(bench)
  const sessions = new SessionMaker(bench.store)
  const session = await sessions.next()
  onTestFinished(() => session.close('closed', 'test'))
  const over = auditorOver(session, rounds)
  return { ...over, lease: sessions.lease, audit: () => over.auditor.audit(session) }
}

async function hold(session: Session, held: HeldConnections, count: number, org = 'acme'): Promise<HeldConnection[]> {
  const all = Array.from({ length: count }, (_, i) => connectionOf(`${org}-${i}`, org, 10_000, i))
  await takeSlots(session, held, all)
  return all
}

describe.each([
  ['Redis', onRedis],
  ['the twin', onTwin],
])('L5: the audit on %s', (_, keep) => {
  const members = async ({ bench }: Keeper, org = 'acme') =>
    (await bench.contents()).scopes.get(`org:${org}`) ?? new Map()
  const indexed = async ({ bench }: Keeper, lease: number) => (await bench.contents()).indexes.get(lease) ?? new Map()

  test('finds nothing to mend where nothing differs', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs } = await audited(keeper)
    await hold(session, held, 150)
    await audit()
    expect(repairs).toEqual([])
    expect((await members(keeper)).size).toBe(150)
  })

  test('a slot that no connection has is given back, and also an index entry without its member', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs, releases, lease } = await audited(keeper)
    await hold(session, held, 3)
    await keeper.plant(lease, 'leak-1', 'acme', 'whole')
    await keeper.plant(lease, 'leak-2', 'other', 'whole')
    await keeper.plant(lease, 'leak-3', 'acme', 'index')
    await audit()
    await until(() => releases.size === 0)
    expect(repairs).toEqual([{ leaked: 3, missing: 0 }])
    expect([...(await members(keeper)).keys()].sort()).toEqual(['acme-0', 'acme-1', 'acme-2'])
    expect((await members(keeper, 'other')).size).toBe(0)
    expect((await indexed(keeper, lease)).size).toBe(3)
    await audit()
    expect(repairs).toHaveLength(1)
  })

  test('an open connection that the store does not know, or half, or under another’s name, is put back', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs, lease } = await audited(keeper)
    await hold(session, held, 4)
    await keeper.loseMember('acme-0', 'acme')
    await keeper.loseIndex(lease, 'acme-1')
    await keeper.loseMember('acme-2', 'acme')
    await keeper.loseIndex(lease, 'acme-2')
    await keeper.steal('acme-3', 'acme')
    await audit()
    expect(repairs).toEqual([{ leaked: 0, missing: 4 }])
    expect([...(await members(keeper)).values()]).toEqual([lease, lease, lease, lease])
    expect([...(await indexed(keeper, lease)).keys()].sort()).toEqual(['acme-0', 'acme-1', 'acme-2', 'acme-3'])
    await audit()
    expect(repairs).toHaveLength(1)
  })

  test('of many that the store does not know all are put back, in calls that it takes', async () => {
    const keeper = await keep()
    const { session, held, lease, repairs, audit } = await audited(keeper)
    const all = await hold(session, held, MAX_ITEMS + 6)
    for (const { id } of all) await keeper.loseIndex(lease, id)
    await audit()
    expect(repairs).toEqual([{ leaked: 0, missing: MAX_ITEMS + 6 }])
    expect((await indexed(keeper, lease)).size).toBe(MAX_ITEMS + 6)
  })

  test('finds one in a thousand, whichever it is', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs, releases, lease } = await audited(keeper)
    await hold(session, held, 1_000)
    await keeper.plant(lease, 'leak', 'acme', 'whole')
    await keeper.loseMember('acme-777', 'acme')
    await keeper.loseMember('acme-999', 'acme')
    await audit()
    await until(() => releases.size === 0)
    expect(repairs).toEqual([{ leaked: 1, missing: 2 }])
    expect((await members(keeper)).size).toBe(1_000)
  })

  test('sees the index whole each time, and every set within twenty audits', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs, lease } = await audited(keeper, 0)
    await hold(session, held, 200)
    await keeper.loseIndex(lease, 'acme-150')
    await audit()
    expect(repairs).toEqual([{ leaked: 0, missing: 1 }])
    await keeper.loseMember('acme-33', 'acme')
    for (let n = 0; n < 20; n++) await audit()
    expect(repairs).toEqual([
      { leaked: 0, missing: 1 },
      { leaked: 0, missing: 1 },
    ])
    expect((await members(keeper)).size).toBe(200)
  })

  test('where one lacks its member all are looked at, at once', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs } = await audited(keeper, 0)
    await hold(session, held, 200)
    for (let i = 0; i < 200; i++) await keeper.loseMember(`acme-${i}`, 'acme')
    await audit()
    expect(repairs).toEqual([{ leaked: 0, missing: 200 }])
    expect((await members(keeper)).size).toBe(200)
  })

  test('tells each time what becomes of keys where memory runs out', async () => {
    const keeper = await keep()
    const { session, held, audit, policies } = await audited(keeper)
    await hold(session, held, 200)
    for (let n = 0; n < 2; n++) await audit()
    expect(policies).toEqual(['noeviction', 'noeviction'])
  })

  test('what is being asked for and what is being given back is no drift', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs, releases, lease } = await audited(keeper)
    const [one] = await hold(session, held, 2)
    releases.close()
    releases.add(one!.claim)
    held.remove(one!)
    // The store has taken it, and the answer is still on its way.
    held.add(connectionOf('asking'))
    await keeper.plant(lease, 'asking', 'acme', 'whole')
    await audit()
    expect(repairs).toEqual([])
    expect(releases.size).toBe(1)
    expect((await members(keeper)).size).toBe(3)
  })

  test('a connection without a slot of its own gets none', async () => {
    const keeper = await keep()
    const { session, held, audit, repairs } = await audited(keeper)
    const [one] = await hold(session, held, 2)
    one!.loseSlot()
    await keeper.loseMember('acme-0', 'acme')
    await audit()
    expect(repairs).toEqual([])
    expect((await members(keeper)).size).toBe(1)
  })

  test('another’s lease is left alone', async () => {
    const keeper = await keep()
    const { audit, repairs } = await audited(keeper)
    await keeper.plant(99, 'theirs', 'acme', 'whole')
    await audit()
    expect(repairs).toEqual([])
    expect((await members(keeper)).size).toBe(1)
  })
})

describe('the audit and its connections’ own moves', () => {
  async function steered() {
    const store = steeredStore(new ManualClock())
    const sessions = new SessionMaker(store)
    const session = await sessions.next()
    const over = auditorOver(session)
    const [one] = await hold(session, over.held, 1)
    const count = async () => (await store.inspector.countOrgs(['acme']))[0]!.count
    return { ...over, store, sessions, one: one!, count }
  }

  test('a connection that closes while the audit asks about it is not put back', async () => {
    const { store, session, held, releases, auditor, one, count, repairs } = await steered()
    store.holdUp('audit')
    const audit = auditor.audit(session)
    await turns()
    releases.add(one.claim)
    held.remove(one)
    await turns()
    await store.calls[0]!.answer()
    await audit
    await turns()
    expect({ count: await count(), repairs }).toEqual({ count: 0, repairs: [] })
  })

  test('one whose client came back elsewhere while the store did not have it is closed, since nobody was ordered to (L5)', async () => {
    const { store, session, held, auditor, one, count, repairs } = await steered()
    const lost = connectionOf('acme-lost', 'acme', 10_000)
    await takeSlots(session, held, [lost])
    for (const { id } of [one, lost]) store.inner.tables.remove('org:acme', id)
    store.inner.tables.taken.set(`${one.id} org:acme`, 0)
    await auditor.audit(session)
    await turns()
    expect([one.closing, lost.closing]).toEqual(['TAKEN_OVER', undefined])
    expect({ count: await count(), repairs }).toEqual({ count: 1, repairs: [{ leaked: 0, missing: 1 }] })
  })

  /** The reassertion is under way and the release behind it; neither is answered. */
  async function closesWhilePutBack() {
    const stage = await steered()
    const { store, session, held, releases, auditor, one } = stage
    store.inner.tables.remove('org:acme', one.id)
    store.holdUp('reassert', 'release')
    const audit = auditor.audit(session)
    await turns()
    releases.add(one.claim)
    held.remove(one)
    await turns()
    return { ...stage, audit }
  }

  test('a connection that closes while it is put back is given back after that', async () => {
    const { store, audit, count } = await closesWhilePutBack()
    expect(store.calls.map(({ verb }) => verb)).toEqual(['reassert', 'release'])
    await store.calls[0]!.answer()
    await store.calls[0]!.answer()
    await audit
    await turns()
    expect(await count()).toBe(0)
  })

  // A release is answered before a reassertion that was sent before it where Redis did not know the script in between.
  test.each(['answer', 'loseAnswer'] as const)('also where its release is done first: %s (S4)', async (heard) => {
    const { store, sessions, session, releases, audit, count } = await closesWhilePutBack()
    const [reassert, release] = store.calls
    store.letAllThrough()
    await release!.answer()
    await turns()
    expect({ count: await count(), releases: releases.size }).toEqual({ count: 0, releases: 0 })
    await reassert![heard]()
    await audit
    if (session.end) releases.open(await sessions.next())
    await turns()
    expect({ count: await count(), releases: releases.size }).toEqual({ count: 0, releases: 0 })
  })

  test('a repair that is not answered ends with its session, and is told by nobody', async () => {
    const { store, session, auditor, one, repairs } = await steered()
    store.inner.tables.remove('org:acme', one.id)
    store.inner.tables.removeIndex(session.fence.lease, one.id)
    store.holdUp('reassert')
    const audit = auditor.audit(session)
    await turns()
    expect(store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    store.calls[0]!.giveUp()
    await audit
    expect({ repairs, end: session.end?.why }).toEqual({ repairs: [], end: 'unanswered' })
  })

  test('an unanswered audit ends with its session and mends nothing on a guess', async () => {
    const { store, session, auditor, count, repairs } = await steered()
    store.holdUp('audit')
    const audit = auditor.audit(session)
    await turns()
    store.calls[0]!.giveUp()
    await audit
    expect({ count: await count(), repairs, end: session.end?.why }).toEqual({
      count: 1,
      repairs: [],
      end: 'unanswered',
    })
  })
})
