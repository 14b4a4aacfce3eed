import { beforeEach, describe, expect, test } from 'vitest'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import { encodeDetails } from '../../src/node/held/details.js'
import type { Session } from '../../src/node/lease/session.js'
import { byAge } from '../../src/node/orders/by-age.js'
import { type EvictionRequest, OrderGiver } from '../../src/node/orders/order-giver.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import type { OrderRequest } from '../../src/store/orders.js'
import { ManualClock } from '../support/manual-clock.js'
import { claimOf, SessionMaker, steeredStore } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'
import { done } from '../support/store-node.js'

let store: SteeredStore
let sessions: SessionMaker
let session: Session | undefined
let giver: OrderGiver
let told: NodeEvents['orders.given'][]

beforeEach(async () => {
  store = steeredStore(new ManualClock())
  sessions = new SessionMaker(store)
  session = await sessions.next()
  const events = new EventBus()
  told = []
  events.on('orders.given', (event) => told.push(event))
  giver = new OrderGiver({ inspector: store.inspector, events, session: () => session })
})

const named = (n: number) => `c-${n.toString(36)}`
const since = (ms: number) => encodeDetails({}, ms)

/** So many connections of the org, each a millisecond younger than the one before. */
async function hold(count: number, org = 'acme'): Promise<void> {
  const claims = Array.from({ length: count }, (_, i) => ({ ...claimOf(named(i), org, 1e6), details: since(i) }))
  for (let from = 0; from < count; from += 64) {
    const some = claims.slice(from, from + 64)
    done(await session!.call((connection, fence) => connection.acquire(fence, some)))
  }
}

const ordered = (kind: 'evict' | 'surplus') => [...store.inner.tables.orders(kind).keys()]

describe('an eviction', () => {
  test('of one connection orders it once, with the reason for whoever reads the log', async () => {
    await hold(2)
    expect(await giver.evict({ connectionId: 'c-1' }, 'asked for')).toEqual({
      ordered: 1,
      leaving: 0,
      truncated: false,
    })
    expect(await giver.evict({ connectionId: 'c-1' })).toEqual({ ordered: 0, leaving: 1, truncated: false })
    expect(await giver.evict({ connectionId: 'nobody' })).toEqual({ ordered: 0, leaving: 0, truncated: false })
    expect(ordered('evict')).toEqual(['c-1'])
    expect(told).toEqual([{ org: 'acme', kind: 'evict', ordered: 1, reason: 'asked for' }])
  })

  test('of an org orders all that it holds, in calls as large as the store takes, and nobody else’s', async () => {
    await hold(130)
    await hold(1, 'other')
    await giver.evict({ connectionId: 'c-3' })
    expect(await giver.evict({ orgId: 'acme' })).toEqual({ ordered: 129, leaving: 1, truncated: false })
    expect(ordered('evict')).toHaveLength(130)
    expect(told.at(-1)).toEqual({ org: 'acme', kind: 'evict', ordered: 129 })
    expect(await giver.evict({ orgId: 'empty' })).toEqual({ ordered: 0, leaving: 0, truncated: false })
    expect(told).toHaveLength(2)
  })

  test('of an org that holds more than one call looks at says so', async () => {
    await hold(10_000)
    expect(await giver.evict({ orgId: 'acme' })).toEqual({ ordered: 10_000, leaving: 0, truncated: true })
  })

  test('of what is no name of an org is misuse', async () => {
    const both = { connectionId: 'c-1', orgId: 'acme' }
    await hold(1)
    for (const whom of [
      { orgId: '' },
      {},
      both,
      { orgId: undefined },
      { connectionId: undefined, orgId: 'acme' },
      { connectionId: 5 },
    ]) {
      await expect(giver.evict(whom as never)).rejects.toMatchObject({ code: 'INVALID_ORG' })
    }
    expect(ordered('evict')).toEqual([])
  })

  test.each<[string, EvictionRequest]>([
    ['an org that is undefined', { connectionId: 'c-0', orgId: undefined } as never],
    ['an object that is made of another', Object.create({ connectionId: 'c-0' })],
    [
      'a getter of a class',
      new (class {
        get orgId() {
          return 'acme'
        }
      })(),
    ],
  ])('takes what names one of them: %s', async (_, whom) => {
    await hold(1)
    expect(await giver.evict(whom)).toMatchObject({ ordered: 1 })
  })
})

describe('closing the surplus (S1)', () => {
  test.each([
    ['newest', ['c-4', 'c-3']],
    ['oldest', ['c-0', 'c-1']],
  ] as const)('the %s go first, as many as are too many', async (first, gone) => {
    await hold(5)
    expect(await giver.closeSurplus('acme', { currentCount: 5, maxAllowed: 3 }, first)).toBe(true)
    expect(ordered('surplus')).toEqual(gone)
    expect(told).toEqual([{ org: 'acme', kind: 'surplus', ordered: 2 }])
    expect(await giver.closeSurplus('acme', { currentCount: 5, maxAllowed: 3 }, first)).toBe(true)
    expect(told).toHaveLength(1)
  })

  test('none is closed for who has come since they were counted, by a higher limit', async () => {
    await hold(4)
    const holders = await store.inspector.holders('acme', 9)
    await hold(10)
    // The store counts ten, and would order all four of those that are named to it.
    const excess = { currentCount: 4, maxAllowed: 3, holders }
    expect(await giver.closeSurplus('acme', excess, 'newest')).toBe(false)
    expect(ordered('surplus')).toEqual(['c-3'])
  })

  test('asks page by page, and no more once it is enough', async () => {
    await hold(130)
    store.holdUp('order')
    const closed = giver.closeSurplus('acme', { currentCount: 130, maxAllowed: 50 }, 'newest')
    const pages: number[] = []
    while (pages.length < 2) {
      await expect.poll(() => store.calls.length).toBe(1)
      pages.push((store.calls[0]!.said[1] as OrderRequest).ids.length)
      await store.calls[0]!.answer()
    }
    expect([await closed, pages]).toEqual([true, [64, 16]])
    expect(store.calls).toHaveLength(0)
    expect(ordered('surplus')).toHaveLength(80)
  })

  test('is not done where nobody is left to name', async () => {
    expect(await giver.closeSurplus('empty', { currentCount: 1, maxAllowed: 0 }, 'newest')).toBe(false)
    await hold(10_070)
    expect(await giver.closeSurplus('acme', { currentCount: 10_070, maxAllowed: 0 }, 'newest')).toBe(false)
    expect(ordered('surplus')).toHaveLength(10_000)
  })
})

describe('what the store does not confirm is an error that says why', () => {
  test('without a session', async () => {
    await hold(1)
    session = undefined
    await expect(giver.evict({ connectionId: 'c-0' })).rejects.toThrow(new StoreUnavailable('no session is open'))
  })

  test('unanswered, and refused', async () => {
    await hold(1)
    store.holdUp('order')
    const unanswered = giver.evict({ connectionId: 'c-0' })
    await expect.poll(() => store.calls.length).toBe(1)
    store.calls[0]!.giveUp()
    await expect(unanswered).rejects.toThrow(new StoreUnavailable('no answer'))
    store.letThrough('order')
    session = await sessions.next()
    await sessions.next()
    const closed = giver.closeSurplus('acme', { currentCount: 1, maxAllowed: 0 }, 'oldest')
    await expect(closed).rejects.toThrow(new StoreUnavailable('lease stale', 'refused'))
    expect(told).toEqual([])
  })
})

test('by age: who tells none is the oldest, and within a millisecond the counter of the id decides', () => {
  const holder = (id: string, details: string) => ({ id, details, lease: 1, scopes: [] })
  const holders = [
    holder('l-z', since(5)),
    holder('l-10', since(5)),
    holder('l-b', since(7)),
    holder('l-1', '{"since":7}'),
    holder('l-0', 'no JSON'),
    holder('odd-!', since(7)),
  ]
  const oldest = ['l-0', 'l-1', 'l-z', 'l-10', 'odd-!', 'l-b']
  expect(byAge(holders, 'oldest')).toEqual(oldest)
  expect(byAge(holders, 'newest')).toEqual(oldest.toReversed())
})

test('a node is ordered to stop by its lease; one that is no node is not', async () => {
  expect(await giver.drain(sessions.lease)).toBe('ordered')
  expect(await giver.drain(sessions.lease)).toBe('leaving')
  expect(await giver.drain(99)).toBe('gone')
})
