import { expect, onTestFinished, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { ClusterStats } from '../../src/limiter/cluster-stats.js'
import { ClusterView, type Snapshot } from '../../src/observe/view/cluster-view.js'
import { BucketedStore } from '../../src/store/bucketed-store.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import { MemoryJournal } from '../../src/store/memory/journal.js'
import type { MemoryStore } from '../../src/store/memory/store.js'
import { memoryStore } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'
import { until } from '../support/until.js'

const WHOLE = { count: 1, away: [], recoveryMs: 0 }

test('R2: where one question fails and another is slow, no two walks over the orgs overlap', async () => {
  const clock = new ManualClock()
  const events = new EventBus()
  const pages: (() => void)[] = []
  const stats = {
    orgs: () => new Promise((resolve) => pages.push(() => resolve({ cursor: '0', orgs: [] }))),
    nodes: async () => [],
  }
  const journal = new MemoryJournal()
  journal.totals = () => Promise.reject(new StoreUnavailable('away'))
  const limiter = { stats: stats as never, journal, on: events.on.bind(events), buckets: WHOLE }
  const view = new ClusterView(limiter, clock)
  onTestFinished(() => view.stop())
  const viewer = view.watch()!
  for (let turn = 1; turn <= 3; turn++) {
    await until(() => pages.length === turn)
    for (let look = 0; look < 5; look++) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(1_000)
    }
    expect(pages, 'the page is awaited').toHaveLength(turn)
    pages.at(-1)!()
    expect(await viewer.next()).toMatchObject({ name: 'unavailable' })
    await until(() => clock.pending === 1)
    clock.advance(1_000)
  }
})

test('a snapshot has the nodes as they are listed, but for their settings, which never change', async () => {
  const clock = new ManualClock()
  const events = new EventBus()
  const info = JSON.stringify({ name: 'a', version: '1.2.3', settings: { 'limits.org': 3 } })
  const nodes = async () => [{ lease: 7, connections: 2, expiresInMs: 900, info }]
  const store = memoryStore()
  store.inspector.nodes = nodes
  const stats = new ClusterStats(store.inspector, { connectionsPerOrg: 3, tierOf: () => undefined })
  expect(await stats.nodes(), 'control').toMatchObject([{ settings: { 'limits.org': 3 } }])
  const view = new ClusterView({ stats, journal: store.journal, on: events.on.bind(events), buckets: WHOLE }, clock)
  onTestFinished(() => view.stop())
  const listed = { name: 'a', version: '1.2.3', lease: 7, connections: 2, leaseExpiresInMs: 900 }
  expect(((await view.watch()!.next()) as Snapshot).nodes).toEqual([listed])
})

test('while buckets are away a snapshot has what the others hold, and says which; notes may be among what is away', async () => {
  const clock = new ManualClock()
  const stores = Array.from({ length: 3 }, () => memoryStore())
  const away = () => Promise.reject(new StoreUnavailable('away'))
  const take = ({ inspector }: MemoryStore) =>
    Object.assign(inspector, { nodes: away, listOrgs: away, countOrgs: away })
  const store = new BucketedStore([stores[0]!, ...stores.slice(1)], clock)
  const events = new EventBus()
  const stats = new ClusterStats(store.inspector, { connectionsPerOrg: 3, tierOf: () => undefined })
  const view = new ClusterView({ stats, journal: store.journal, on: events.on.bind(events), buckets: WHOLE }, clock)
  onTestFinished(() => view.stop())
  const viewer = view.watch()!
  const next = async () => {
    const event = await viewer.next()
    await until(() => clock.pending === 1)
    return event
  }
  expect(await next()).not.toHaveProperty('bucketsAway')
  take(stores[2]!)
  clock.advance(1_000)
  expect(await next()).toMatchObject({ name: 'snapshot', bucketsAway: [2], buckets: 3 })
  take(stores[0]!)
  store.journal.totals = away
  clock.advance(1_000)
  expect(await next()).toMatchObject({ name: 'snapshot', bucketsAway: [0, 2], refusals: [] })
  take(stores[1]!)
  clock.advance(1_000)
  expect(await next()).toMatchObject({ name: 'unavailable' })
})
