import { describe, expect, onTestFinished, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import type { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { ClosingLine } from '../../src/node/orders/closing-line.js'
import { OrderTaker } from '../../src/node/orders/order-taker.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import type { OrderKind, OrderRequest } from '../../src/store/orders.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import {
  claimOf,
  connectionOf,
  declareDead,
  passTime,
  SessionMaker,
  steeredStore,
  takeSlots,
  turns,
} from '../support/steered-node.js'
import { done } from '../support/store-node.js'

leakGate()

const PAGE = 64
const PAUSE_MS = 250
const MANY = 10_000

/** The owner of connections of several orgs, and another node that gives orders. No time passes unless the test says so. */
async function stage() {
  const clock = new ManualClock()
  const store = steeredStore(clock)
  const [mine, others] = [new SessionMaker(store), new SessionMaker(store, 4_712)]
  let session = await mine.next()
  const other = await others.next()
  const [held, releases, events] = [new HeldConnections(), new ReleaseQueue(clock), new EventBus()]
  onTestFinished(() => {
    releases.close()
    for (const one of [session, other]) one.close('closed', 'test')
  })
  releases.open(session)
  const taker = new OrderTaker({ clock, events, held, releases, onRenewed: () => {} })
  const inCalls = async <T>(all: readonly T[], say: (some: readonly T[]) => Promise<unknown>) => {
    for (let from = 0; from < all.length; from += PAGE) await say(all.slice(from, from + PAGE))
  }
  const names = (connections: readonly HeldConnection[]) => connections.map(({ id }) => id)
  return {
    clock,
    store,
    lease: mine.lease,
    session: () => session,
    /** Their ids begin with `name`, and orders are told in the order of the ids. */
    async open(org: string, name: string, count: number): Promise<HeldConnection[]> {
      const all = Array.from({ length: count }, (_, i) =>
        connectionOf(`${name}-${i.toString().padStart(4, '0')}`, org, MANY),
      )
      await takeSlots(session, held, all)
      return all
    },
    order: (kind: OrderRequest['kind'], org: string, connections: readonly HeldConnection[]) =>
      inCalls(names(connections), async (ids) => {
        done(await other.call((line, fence) => line.order(fence, { kind, org, limit: 0, ids })))
      }),
    takeOver: (connections: readonly HeldConnection[]) =>
      inCalls(connections, async (some) => {
        const claims = some.map(({ id, org }) => ({ ...claimOf(`heir-of-${id}`, org, MANY), replaces: id }))
        done(await other.call((line, fence) => line.takeover(fence, claims)))
      }),
    drain: async () => void done(await other.call((line, fence) => line.drain(fence, mine.lease))),
    /** A renewal of the owner, and whatever is done for it without a pause. */
    async hear(meanwhile = () => {}) {
      const { orders } = done(await session.call((line, fence) => line.renew(fence)))
      meanwhile()
      taker.take(session, orders)
      await turns()
    },
    /** The next session: of the same lease, or of another one. */
    async reconnect(lease = mine) {
      session.close('unanswered', 'test')
      await turns()
      session = await lease.next()
      releases.open(session)
    },
    async close(connections: readonly HeldConnection[]) {
      for (const connection of connections) {
        releases.add(connection.claim)
        held.remove(connection)
      }
      await passTime(clock, 20)
    },
    events,
    ordered: (kind: OrderKind) => store.inner.tables.orders(kind).size,
  }
}

const told = (connections: readonly HeldConnection[]) => connections.filter(({ closing }) => closing).length
const closings = (connections: readonly HeldConnection[]) => new Set(connections.map(({ closing }) => closing))

describe('while one org is evicted in thousands', () => {
  test('its connections are closed 64 at a time, however often the node renews meanwhile, and each once', async () => {
    const { clock, open, order, hear, events } = await stage()
    const all = await open('mallory', 'm', 1_000)
    await order('evict', 'mallory', all)
    const obeyed: string[] = []
    events.on('order.obeyed', ({ connectionId }) => obeyed.push(connectionId))
    for (let pauses = 0; told(all) < all.length; pauses++) {
      for (let renewals = 0; renewals < 3; renewals++) await hear()
      expect(told(all)).toBe(Math.min(all.length, (pauses + 1) * PAGE))
      await passTime(clock, PAUSE_MS - 10)
      expect(told(all)).toBe(Math.min(all.length, (pauses + 1) * PAGE))
      await passTime(clock, 10)
    }
    await hear()
    expect([obeyed.length, new Set(obeyed).size]).toEqual([all.length, all.length])
    await passTime(clock, PAUSE_MS)
    expect(clock.pending).toBe(0)
  })

  test('takeovers and the surplus of others are closed with the renewal that brings them, and so is a drain (S5, L2)', async () => {
    const { open, order, takeOver, drain, hear, events } = await stage()
    const all = await open('mallory', 'm', 1_000)
    const [acme, globex] = [await open('acme', 'a', 1), await open('globex', 'z', 3)]
    let drains = 0
    events.on('drain.ordered', () => drains++)
    await order('evict', 'mallory', all)
    await hear()
    expect(told(all)).toBe(PAGE)
    await takeOver(acme)
    await order('surplus', 'globex', globex)
    await drain()
    await hear()
    expect([closings(acme), closings(globex), drains]).toEqual([new Set(['TAKEN_OVER']), new Set(['OVER_LIMIT']), 1])
    expect(told(all)).toBe(PAGE)
  })

  test('also with a renewal that comes while the long list is being read, and which confirms nothing then', async () => {
    const { store, open, order, takeOver, hear, close, ordered } = await stage()
    const all = await open('mallory', 'm', 200)
    const acme = await open('acme', 'a', 1)
    await order('evict', 'mallory', all)
    await hear()
    await close(all.slice(0, PAGE))
    await hear(() => store.holdUp('renew'))
    expect(store.calls.map(({ said }) => said[1])).toEqual([PAGE])
    store.letThrough('renew')
    await takeOver(acme)
    await hear()
    expect([closings(acme), ordered('evict')]).toEqual([new Set(['TAKEN_OVER']), all.length])
    await store.calls[0]!.answer()
    await turns()
    expect(ordered('evict')).toBe(all.length - PAGE)
  })

  test.each([
    ['first', 'a'],
    ['in between', 'm-0500-'],
    ['last', 'z'],
  ])('evictions of another org are closed within a pause, told %s of all (S5)', async (_, name) => {
    const { clock, open, order, hear } = await stage()
    const all = await open('mallory', 'm', 1_000)
    const acme = await open('acme', name, 3)
    await order('evict', 'mallory', all)
    await hear()
    await order('evict', 'acme', acme)
    await hear()
    await passTime(clock, PAUSE_MS)
    expect(closings(acme)).toEqual(new Set(['EVICTED']))
    expect(told(all)).toBeLessThanOrEqual(2 * PAGE)
  })

  test('another that is evicted in thousands has its turns: half of them', async () => {
    const { clock, open, order, hear } = await stage()
    const [mallory, trudy] = [await open('mallory', 'm', 600), await open('trudy', 't', 600)]
    await order('evict', 'mallory', mallory)
    await hear()
    await order('surplus', 'trudy', trudy)
    await hear()
    const before = told(mallory)
    await passTime(clock, 4 * PAUSE_MS)
    expect([told(mallory) - before, told(trudy)]).toEqual([2 * PAGE, 2 * PAGE])
  })

  test('who has closed by itself takes nobody’s turn, and is not waited for', async () => {
    const { clock, open, order, hear, close } = await stage()
    const all = await open('mallory', 'm', 300)
    await order('evict', 'mallory', all)
    await hear()
    await close(all.slice(PAGE, 200))
    await passTime(clock, PAUSE_MS)
    expect(told(all.slice(200))).toBe(PAGE)
    await passTime(clock, PAUSE_MS)
    expect(told(all.slice(200))).toBe(100)
  })
})

test('who was taken over in thousands is closed at once: its clients have come back already', async () => {
  const { open, takeOver, hear, close, ordered } = await stage()
  const all = await open('acme', 'a', 500)
  await takeOver(all)
  await hear()
  expect(closings(all)).toEqual(new Set(['TAKEN_OVER']))
  await close(all)
  await hear()
  expect(ordered('takeover')).toBe(0)
})

test('one renewal confirms all that are gone, and passes none over for those that it confirms (L5)', async () => {
  const { clock, open, order, hear, close, ordered } = await stage()
  const all = await open('acme', 'a', 500)
  await order('evict', 'acme', all)
  await hear()
  await passTime(clock, 10 * PAUSE_MS)
  expect(told(all)).toBe(all.length)
  await close(all.slice(0, 400))
  await hear()
  expect(ordered('evict')).toBe(100)
  await close(all.slice(400))
  await hear()
  await hear()
  expect(ordered('evict')).toBe(0)
})

describe('the line of those who are to close', () => {
  const inLine = (count: number, org: string) =>
    Array.from({ length: count }, (_, i) => {
      const connection = connectionOf(`${org}-${i}`, org)
      connection.hold()
      return connection
    })
  const lineOf = (...all: readonly HeldConnection[]) => {
    const line = new ClosingLine()
    for (const connection of all) line.add(connection, 'EVICTED')
    return line
  }

  test('has everybody once, in the order in which they came, an org at a time', () => {
    const [acme, globex] = [inLine(3, 'acme'), inLine(1, 'globex')]
    const line = lineOf(...acme, ...globex, acme[0]!)
    expect(line.size).toBe(4)
    const served = Array.from({ length: 5 }, () => line.next()?.connection.id)
    expect(served).toEqual(['acme-0', 'globex-0', 'acme-1', 'acme-2', undefined])
    expect(line.size).toBe(0)
  })

  test('lets go of who is gone, or leaves by another order', () => {
    const [acme, globex] = [inLine(3, 'acme'), inLine(1, 'globex')]
    const line = lineOf(...acme, ...globex)
    globex[0]!.end()
    acme[1]!.leave('TAKEN_OVER')
    line.tidy()
    expect(line.size).toBe(2)
    expect(line.next()).toEqual({ connection: acme[0], closing: 'EVICTED' })
    acme[2]!.end()
    expect([line.size, line.next()]).toEqual([1, undefined])
  })

  test('is empty once it is cleared', () => {
    const line = lineOf(...inLine(3, 'acme'))
    line.clear()
    expect([line.size, line.next()]).toEqual([0, undefined])
  })
})

describe('where the session ends before all are closed', () => {
  test('nothing is closed until the next one has heard of it again, and then the rest is, each once', async () => {
    const { clock, open, order, hear, reconnect, events } = await stage()
    const all = await open('acme', 'a', 200)
    let obeyed = 0
    events.on('order.obeyed', () => obeyed++)
    await order('evict', 'acme', all)
    await hear()
    await reconnect()
    await passTime(clock, 4 * PAUSE_MS)
    expect(told(all)).toBe(PAGE)
    await hear()
    await passTime(clock, 4 * PAUSE_MS)
    expect([told(all), obeyed]).toEqual([200, 200])
  })

  test('also where it ends while the orders are being read', async () => {
    const { clock, store, open, order, hear, reconnect } = await stage()
    const all = await open('acme', 'a', 200)
    await order('evict', 'acme', all)
    await hear(() => store.holdUp('renew'))
    expect(store.calls).toHaveLength(1)
    store.letThrough('renew')
    await reconnect()
    await hear()
    await passTime(clock, 4 * PAUSE_MS)
    expect(told(all)).toBe(200)
  })

  test('with the lease the orders end, also those that were heard: what others ordered in their place is enough (S1)', async () => {
    const { clock, store, lease, open, order, hear, reconnect, session } = await stage()
    const all = await open('acme', 'a', 200)
    await order('surplus', 'acme', all)
    await hear()
    declareDead(store, lease)
    await session().call((line, fence) => line.renew(fence))
    expect(session().end?.why).toBe('fenced')
    await reconnect(new SessionMaker(store, 4_713))
    const more = await open('acme', 'b', 1)
    await order('evict', 'acme', more)
    await hear()
    await passTime(clock, 4 * PAUSE_MS)
    expect([closings(more), told(all)]).toEqual([new Set(['EVICTED']), PAGE])
    expect(clock.pending).toBe(0)
  })
})
