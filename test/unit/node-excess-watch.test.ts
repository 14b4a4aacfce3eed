import { beforeEach, describe, expect, test } from 'vitest'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import type { Policies } from '../../src/core/policies.js'
import { encodeDetails } from '../../src/node/held/details.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import type { Session } from '../../src/node/lease/session.js'
import { ExcessWatch } from '../../src/node/orders/excess-watch.js'
import { OrderGiver } from '../../src/node/orders/order-giver.js'
import { ManualClock } from '../support/manual-clock.js'
import { claimOf, connectionOf, SessionMaker, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'
import { done } from '../support/store-node.js'

const WATCH_MS = 30_000

let clock: ManualClock
let store: SteeredStore
let session: Session | undefined
let held: HeldConnections
let events: EventBus
let told: NodeEvents['org.over_limit'][]
/** How many orgs each question to the store was about. */
let asked: number[]

beforeEach(async () => {
  clock = new ManualClock()
  store = steeredStore(clock)
  session = await new SessionMaker(store).next()
  held = new HeldConnections()
  events = new EventBus()
  told = []
  asked = []
  events.on('org.over_limit', (event) => told.push(event))
})

function watch(policy: Policies['onLimitLowered'] = 'keep', said?: Policies['onLimitLowered']): ExcessWatch {
  const countOrgs = store.inspector.countOrgs.bind(store.inspector)
  store.inspector.countOrgs = async (orgs) => {
    asked.push(orgs.length)
    return countOrgs(orgs)
  }
  const { inspector } = store
  const orders = new OrderGiver({ inspector, events, session: () => session })
  return new ExcessWatch({ clock, events, held, inspector, orders, policy, said: () => said })
}

/** Connections that this node holds, whatever their limit says of them. */
async function hold(org: string, count: number, limit: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const connection = connectionOf(`${org}-${i}`, org, limit, i)
    const how = { mode: 'keep', final: false } as const
    done(await session!.call((line, fence) => line.reassert(fence, [connection.claim], how)))
    connection.hold()
    held.add(connection)
  }
}

async function renewed(recoveryMs = 0): Promise<void> {
  events.emit('lease.renewed', { liveNodes: 1, deadLeases: 0, recoveryMs })
  await turns()
}

const ordered = () => store.inner.tables.orders('surplus').size
const tooMany = (currentCount: number, maxAllowed = 2) => ({ org: 'acme', currentCount, maxAllowed })

describe('an org that holds more than it may', () => {
  test('S5: is looked at although the store cannot tell who holds one that was named before it', async () => {
    watch()
    const holders = store.inspector.holders.bind(store.inspector)
    store.inspector.holders = (org, most) =>
      org === 'broken' ? Promise.reject(new Error('WRONGTYPE')) : holders(org, most)
    await hold('broken', 3, 2)
    await hold('acme', 3, 2)
    events.emit('connections.reasserted', { kept: 6, closed: 0, mode: 'keep' })
    await renewed()
    expect(told).toEqual([])
    await renewed()
    expect(told).toEqual([tooMany(3)])
    // What cannot be told stays to be looked at.
    await renewed()
    expect(asked).toEqual([2, 2, 1])
  })

  test('is told of once a change, and again after it was within its limit', async () => {
    const excess = watch()
    await hold('acme', 3, 2)
    for (let n = 0; n < 2; n++) await excess.look('acme')
    expect(told).toEqual([tooMany(3)])
    store.inner.tables.overrides.set('acme', 1)
    await excess.look('acme')
    store.inner.tables.overrides.set('acme', 3)
    await excess.look('acme')
    store.inner.tables.overrides.delete('acme')
    await excess.look('acme')
    expect(told).toEqual([tooMany(3), tooMany(3, 1), tooMany(3)])
    expect(ordered()).toBe(0)
  })

  test('is brought down to its limit where the policy, or who set the limit, wants that', async () => {
    const excess = watch('newest')
    await hold('acme', 5, 2)
    await excess.look('acme', 'keep')
    expect(ordered()).toBe(0)
    await excess.look('acme')
    expect(ordered()).toBe(3)
  })

  test('and is not held here is told of too, if it has a limit of its own', async () => {
    const excess = watch()
    await hold('acme', 3, 9)
    for (const connection of held.held()) held.remove(connection)
    await excess.look('acme')
    expect(told).toEqual([])
    store.inner.tables.overrides.set('acme', 2)
    await excess.look('acme')
    expect(told).toEqual([tooMany(3)])
  })

  test('stays on the list until the store has answered, and is forgotten then', async () => {
    const excess = watch('oldest')
    await hold('acme', 3, 2)
    const open = session
    session = undefined
    await excess.look('acme')
    expect([ordered(), asked.length]).toEqual([0, 1])
    session = open
    await renewed(1_000)
    expect(ordered()).toBe(0)
    await renewed()
    expect([ordered(), asked.length]).toEqual([1, 2])
    await renewed()
    expect(asked.length).toBe(2)
  })
})

describe('the limit of an org that has none of its own', () => {
  /** What another node holds: in the store, and not here. */
  async function heldElsewhere(count: number, details: string): Promise<void> {
    const claims = Array.from({ length: count }, (_, i) => ({ ...claimOf(`there-${i}`), details }))
    done(await session!.call((line, fence) => line.reassert(fence, claims, { mode: 'keep', final: false })))
  }

  test.each<[string, string, NodeEvents['org.over_limit'][]]>([
    ['the highest that a connection came with, on whatever node', encodeDetails({ limit: 10 }), []],
    ['no higher than any of them came with', encodeDetails({ limit: 7 }), [tooMany(8, 7)]],
    ['that of these here, where others came with a lower one', encodeDetails({ limit: 1 }), [tooMany(8, 3)]],
    ['without end, where one tells none', '{}', []],
    ['without end, where one tells what is no number', '{"l":"1"}', []],
  ])('is %s (S1)', async (_, details, expected) => {
    const excess = watch('newest')
    await hold('acme', 3, 3)
    await heldElsewhere(5, details)
    await excess.look('acme')
    expect(told).toEqual(expected)
    expect(ordered()).toBe(expected.length === 0 ? 0 : 8 - expected[0]!.maxAllowed)
  })

  test('is not exceeded by connections that are released while one looks', async () => {
    const excess = watch('newest')
    await hold('acme', 3, 3)
    await heldElsewhere(5, encodeDetails({ limit: 10 }))
    // As on Redis, where the details are asked for after the names.
    const holders = store.inspector.holders.bind(store.inspector)
    store.inspector.holders = async (org, limit) => {
      for (let i = 0; i < 5; i++) store.inner.tables.removeIndex(session!.fence.lease, `there-${i}`)
      return holders(org, limit)
    }
    await excess.look('acme')
    expect([told, ordered()]).toEqual([[], 0])
  })
})

describe('which orgs are looked at', () => {
  test('all that are held here, after the store has been told of them again, by the renewal that follows', async () => {
    watch()
    await hold('acme', 3, 2)
    await renewed()
    events.emit('connections.reasserted', { kept: 3, closed: 0, mode: 'keep' })
    expect([asked, told]).toEqual([[], []])
    await renewed()
    expect([asked, told]).toEqual([[1], [tooMany(3)]])
  })

  test.each([
    ['newest', 'keep', 0],
    ['keep', 'newest', 1],
  ] as const)('and under %s one whose limit was set with %s is treated so later too', async (policy, said, closed) => {
    watch(policy, said)
    await hold('acme', 3, 2)
    events.emit('connections.reasserted', { kept: 3, closed: 0, mode: 'keep' })
    await renewed()
    expect([asked, ordered()]).toEqual([[1], closed])
  })

  test('in turn all that are held here, so many in an audit period, and from the beginning again', async () => {
    watch()
    for (let i = 0; i < 1_500; i++) held.add(connectionOf(`c-${i}`, `org-${i}`))
    const lookedAt: number[][] = []
    for (let period = 0; period < 3; period++) {
      asked = []
      clock.advance(WATCH_MS - 1)
      await renewed()
      expect(asked).toEqual([])
      clock.advance(1)
      await renewed()
      await renewed()
      lookedAt.push(asked)
    }
    expect(lookedAt).toEqual([[1_000], [500], [1_000]])
  })

  test('in every audit period those that were over their limit when last looked at', async () => {
    const excess = watch()
    await hold('acme', 3, 2)
    await excess.look('acme')
    for (let i = 0; i < 1_500; i++) held.add(connectionOf(`c-${i}`, `org-${i}`))
    const lookedAt = async () => {
      asked = []
      clock.advance(WATCH_MS)
      await renewed()
      return asked
    }
    // It is among the first thousand; with the others comes who was over its limit, as long as it is.
    expect([await lookedAt(), await lookedAt()]).toEqual([[1_000], [502]])
    store.inner.tables.overrides.set('acme', 3)
    expect([await lookedAt(), await lookedAt()]).toEqual([[1_000], [501]])
  })

  test('one look at a time, of a bounded number of orgs', async () => {
    watch()
    for (let i = 0; i < 2_100; i++) held.add(connectionOf(`c-${i}`, `org-${i}`))
    events.emit('connections.reasserted', { kept: 0, closed: 0, mode: 'keep' })
    events.emit('lease.renewed', { liveNodes: 1, deadLeases: 0, recoveryMs: 0 })
    await renewed()
    expect(asked).toEqual([1_000])
    for (let n = 0; n < 3; n++) await renewed()
    expect(asked).toEqual([1_000, 1_000, 100])
  })
})

describe('what is asked while a walk is under way', () => {
  /** Holds a walk back at its first org, which is over its limit, or at acme behind it, which was counted as 3 of 3. */
  async function walking(at = 'first', limit = 3): Promise<() => void> {
    await hold('first', 3, 2)
    await hold('acme', 3, limit)
    let goOn = () => {}
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const holders = store.inspector.holders.bind(store.inspector)
    store.inspector.holders = async (org, limit) => {
      if (org === at) await mayGoOn
      return holders(org, limit)
    }
    events.emit('connections.reasserted', { kept: 6, closed: 0, mode: 'keep' })
    await renewed()
    expect(asked).toEqual([2])
    store.inner.tables.overrides.set('acme', 1)
    return goOn
  }

  test('is not settled by what that walk has counted before: the surplus is closed as was said', async () => {
    const excess = watch()
    const goOn = await walking()
    const countOrgs = store.inspector.countOrgs.bind(store.inspector)
    // The walk goes on while the store counts for who has set the limit, and is done before it answers.
    store.inspector.countOrgs = async (orgs) => {
      goOn()
      await turns()
      return countOrgs(orgs)
    }
    await excess.look('acme', 'newest')
    expect(ordered()).toBe(2)
    await renewed()
    expect(asked).toEqual([2, 1])
  })

  test('is told once, and by that walk neither forgotten nor told as it was before', async () => {
    const excess = watch()
    const goOn = await walking()
    await excess.look('acme')
    goOn()
    await turns()
    clock.advance(WATCH_MS)
    await renewed()
    expect(told).toEqual([tooMany(3, 1), { ...tooMany(3), org: 'first' }])
    expect(asked).toEqual([2, 1, 2])
  })

  test.each([
    ['before the walk comes to the org', 'first'],
    ['while the walk asks who holds it', 'acme'],
  ])('a limit that is raised %s leaves nothing to tell or to close', async (_, org) => {
    const excess = watch('newest')
    const goOn = await walking(org, 2)
    store.inner.tables.overrides.set('acme', 9)
    await excess.look('acme')
    goOn()
    await turns()
    expect(told.map((event) => event.org)).toEqual(['first'])
  })

  test('is looked at again by the next renewal, where the store was told of connections again', async () => {
    watch('newest')
    const goOn = await walking()
    events.emit('connections.reasserted', { kept: 6, closed: 0, mode: 'keep' })
    goOn()
    await turns()
    expect([told, ordered()]).toEqual([[], 0])
    await renewed()
    expect(told).toEqual([{ ...tooMany(3), org: 'first' }, tooMany(3, 1)])
    expect([ordered(), asked]).toEqual([3, [2, 2]])
  })
})
