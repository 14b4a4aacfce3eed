import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import { systemClock } from '../../src/core/clock.js'
import { EventBus } from '../../src/core/events.js'
import type { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { OrderTaker } from '../../src/node/orders/order-taker.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import type { RenewReply, ScopeRef } from '../../src/store/lease-store.js'
import { memoryStore, startNodes } from '../support/cluster.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { connectionOf, SessionMaker, steeredStore, turns } from '../support/steered-node.js'
import { done } from '../support/store-node.js'
import { until } from '../support/until.js'

leakGate()

const ORDERED = 150

/** The owner of many connections of one org, all of them ordered to go. */
async function owner(count: number) {
  const store = memoryStore()
  const session = await new SessionMaker(store).next()
  onTestFinished(() => session.close('closed', 'test'))
  const [held, releases, events] = [new HeldConnections(), new ReleaseQueue(new ManualClock()), new EventBus()]
  releases.open(session)
  const all = Array.from({ length: count }, (_, i) =>
    connectionOf(`c-${i.toString().padStart(4, '0')}`, 'acme', 1_000, i),
  )
  for (const connection of all) {
    done(await session.call((line, fence) => line.acquire(fence, [connection.claim])))
    connection.hold()
    held.add(connection)
  }
  for (let from = 0; from < count; from += 50) {
    const ids = all.slice(from, from + 50).map(({ id }) => id)
    const request = { kind: 'evict', org: 'acme', limit: 0, ids } as const
    done(await session.call((line, fence) => line.order(fence, request)))
  }
  const probed: ScopeRef[] = []
  const onRenewed = ({ probes }: RenewReply) => void probed.push(...probes)
  const taker = new OrderTaker({ clock: systemClock, events, held, releases, onRenewed })
  const hear = async (meanwhile = async () => {}) => {
    const { orders } = done(await session.call((line, fence) => line.renew(fence)))
    await meanwhile()
    taker.take(session, orders)
  }
  const close = (connection: HeldConnection) => {
    releases.add(connection.claim)
    held.remove(connection)
  }
  return {
    store,
    session,
    releases,
    events,
    all,
    probed,
    hear,
    close,
    ordered: () => store.tables.orders('evict').size,
  }
}

describe('an owner that is ordered to close', () => {
  test('closes page by page, and confirms what is gone (L5)', async () => {
    const { all, hear, close, ordered } = await owner(ORDERED)
    await hear()
    await turns()
    const told = all.filter(({ lost }) => lost.aborted)
    expect(told.length).toBeLessThan(ORDERED)
    await until(() => all.every(({ lost }) => lost.reason === 'EVICTED'))
    for (const connection of all) close(connection)
    await until(async () => {
      await hear()
      return ordered() === 0
    })
  })

  test('goes on with the others, and obeys what is ordered later, where one throws as it is told', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => said.mockRestore())
    const { all, hear, close, ordered } = await owner(3)
    const lose = () => {
      throw new Error('broken')
    }
    all[0]!.watch({ isSilent: false, probe: async () => true, lose })
    await hear()
    await turns()
    expect(all.map(({ closing }) => closing)).toEqual(['EVICTED', 'EVICTED', 'EVICTED'])
    expect(said).toHaveBeenCalledTimes(1)
    for (const connection of all) close(connection)
    await until(async () => {
      await hear()
      return ordered() === 0
    })
  })

  test('hands on the probes that it is told while it reads page by page: the store tells them once (L3)', async () => {
    const { store, all, hear, probed } = await owner(ORDERED)
    const other = await new SessionMaker(store, 4_712).next()
    onTestFinished(() => other.close('closed', 'test'))
    await hear(async () => {
      done(await other.call((line, fence) => line.probe(fence, { name: 'org', id: 'acme' })))
    })
    await until(() => all.every(({ lost }) => lost.reason === 'EVICTED'))
    expect(probed).toEqual([{ name: 'org', id: 'acme' }])
  })

  test('confirms only when the slot is given back: until then another would be closed in its place (S1)', async () => {
    const { session, releases, all, hear, close, ordered } = await owner(1)
    releases.close()
    close(all[0]!)
    await hear()
    await turns()
    expect(ordered()).toBe(1)
    releases.open(session)
    await until(() => releases.size === 0)
    await hear()
    await until(() => ordered() === 0)
  })

  test('is not told to the store again when the lease is lost meanwhile, although it is open still', async () => {
    const store = memoryStore()
    const [node] = await startNodes(1, () => store)
    onTestFinished(() => node!.abandon())
    const [leaving, staying] = (await Promise.all([1, 2].map(() => node!.admit({ org: 'acme' })))) as Admitted[]
    await node!.orders.evict({ connectionId: leaving!.connectionId })
    await until(() => leaving!.lost.aborted)
    const [lease] = store.tables.live.keys()
    store.tables.live.delete(lease!)
    store.tables.dead.add(lease!)
    const members = () => [...store.tables.scope('org:acme').keys()]
    await until(() => members().length === 1 && store.tables.live.size === 1)
    expect(members()).toEqual([staying!.connectionId])
    expect(staying!.lost.aborted).toBe(false)
    for (const one of [leaving!, staying!]) one.release()
    await until(() => members().length === 0)
  })
})

test('that the node itself is to stop is told once, whatever else is ordered, and never confirmed', async () => {
  const store = memoryStore()
  const sessions = new SessionMaker(store)
  const session = await sessions.next()
  onTestFinished(() => session.close('closed', 'test'))
  const [held, releases, events] = [new HeldConnections(), new ReleaseQueue(new ManualClock()), new EventBus()]
  const taker = new OrderTaker({ clock: systemClock, events, held, releases, onRenewed: () => {} })
  let told = 0
  events.on('drain.ordered', () => told++)
  const hear = async () => {
    const { orders } = done(await session.call((line, fence) => line.renew(fence)))
    taker.take(session, orders)
    await turns()
    return orders
  }
  expect(await hear()).toEqual([])
  taker.take(session, [{ kind: 'evict', id: 'nobody' }])
  await turns()
  expect(told).toBe(0)
  expect(done(await session.call((line, fence) => line.drain(fence, sessions.lease)))).toBe('ordered')
  for (let renewals = 0; renewals < 3; renewals++) expect(await hear()).toMatchObject([{ kind: 'drain' }])
  expect(told).toBe(1)
})

test('whom an order closed is told to who listens; what was ordered of many that are gone is confirmed in bounded calls', async () => {
  const { session, all, hear, close, ordered, events } = await owner(ORDERED)
  const obeyed: unknown[] = []
  events.on('order.obeyed', (event) => obeyed.push(event))
  await hear()
  await until(() => obeyed.length === ORDERED)
  expect(obeyed).toContainEqual({ connectionId: all[0]!.id, org: 'acme', closing: 'EVICTED' })
  for (const connection of all) close(connection)
  await until(async () => {
    await hear()
    return ordered() === 0
  })
  expect([session.end, obeyed.length]).toEqual([undefined, ORDERED])
})

test('what is confirmed goes in calls that the store takes, and no further once one is not answered', async () => {
  const store = steeredStore(new ManualClock())
  const sessions = new SessionMaker(store)
  const gone = Array.from({ length: 140 }, (_, i) => ({ kind: 'evict', id: `gone-${i}` }) as const)
  const sizes = () => store.calls.map(({ said }) => (said[1] as unknown[]).length)
  const session = await sessions.next()
  const [held, releases, events] = [new HeldConnections(), new ReleaseQueue(new ManualClock()), new EventBus()]
  const taker = new OrderTaker({ clock: systemClock, events, held, releases, onRenewed: () => {} })
  store.holdUp('confirm')
  taker.take(session, gone)
  await turns()
  expect(sizes()).toEqual([64])
  // While they are being carried out, what a renewal tells meanwhile waits for the next.
  taker.take(session, gone)
  await store.calls[0]!.answer()
  await turns()
  expect(sizes()).toEqual([64])
  store.calls[0]!.giveUp()
  await turns()
  expect([sizes(), session.end?.why]).toEqual([[], 'unanswered'])
  const next = await sessions.next()
  taker.take(next, gone.slice(128))
  await turns()
  expect(sizes()).toEqual([12])
  await store.calls[0]!.answer()
  next.close('closed', 'test')
})
