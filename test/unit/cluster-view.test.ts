import { expect, onTestFinished, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { ClusterView } from '../../src/observe/cluster-view.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import { MemoryJournal } from '../../src/store/memory/journal.js'
import { ManualClock } from '../support/manual-clock.js'
import { until } from '../support/until.js'

test('R2: where one question fails and another is slow, no two walks over the orgs overlap', async () => {
  const clock = new ManualClock()
  const events = new EventBus()
  const pages: (() => void)[] = []
  const stats = {
    orgs: () => new Promise((resolve) => pages.push(() => resolve({ cursor: '0', orgs: [] }))),
    nodes: () => Promise.reject(new StoreUnavailable('away')),
  }
  const limiter = { stats: stats as never, journal: new MemoryJournal(), on: events.on.bind(events) }
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
