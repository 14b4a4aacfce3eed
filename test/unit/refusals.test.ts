import { beforeEach, describe, expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { Refusals } from '../../src/observe/refusals/refusals.js'
import type { Journal, JournalPage } from '../../src/store/journal.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import { MemoryJournal } from '../../src/store/memory/journal.js'
import { ManualClock } from '../support/manual-clock.js'
import { until } from '../support/until.js'

const FULL = 'ORG_CONNECTION_LIMIT_EXCEEDED'

let clock: ManualClock
let pages: JournalPage[]
let away: boolean
let full: boolean
let looks: string[]
let refusals: Refusals
let events: EventBus

beforeEach(() => {
  clock = new ManualClock()
  pages = []
  away = false
  full = false
  looks = []
  events = new EventBus()
  const kept = new MemoryJournal()
  const journal: Journal = {
    note: (page) => {
      if (away || full) return Promise.reject(new StoreUnavailable('away'))
      pages.push(page)
      return kept.note(page)
    },
    read: (range) => (away ? Promise.reject(new StoreUnavailable('away')) : kept.read(range)),
    totals: () => kept.totals(),
  }
  const stats = {
    connections: async (org: string) => {
      looks.push(org)
      return [{ connectionId: `holder-of-${org}`, lease: 7, limit: 3, scopes: [] }]
    },
  }
  const limiter = { journal, stats: stats as never, on: events.on.bind(events) }
  refusals = new Refusals(limiter, 'node-a', clock)
})

let made = 0
function refuse(org: string | undefined, count = 1, code: typeof FULL | 'STORE_UNAVAILABLE' = FULL): string {
  for (let n = 0; n < count; n++) {
    refusals.observer.upgradeRefused!({
      ...{ org, gateway: org && 'g', address: '192.0.2.1', closing: undefined },
      refusal: { code, currentCount: 3, maxAllowed: 3 },
      ...{ requestId: `r${made++}`, retryAfterSeconds: 5 },
    })
  }
  return `r${made - 1}`
}

/** A second passes, and what it set off is over. */
async function second(): Promise<void> {
  clock.advance(1_000)
  await new Promise((resolve) => setImmediate(resolve))
}

const find = (query: object = {}) => refusals.find({ limit: 100, ...query })

describe('refusals handed on', () => {
  test('S5: a storm costs one page a second of at most 64 notes, 8 of an org, and one look at its holders', async () => {
    refuse('storm', 5_000)
    for (let org = 0; org < 20; org++) refuse(`org-${org}`, 10)
    await second()
    expect(pages).toHaveLength(1)
    expect(pages[0]!.entries).toHaveLength(64)
    expect(pages[0]!.refused).toBe(5_200)
    expect(refusals.dropped).toBe(5_200 - 64)
    const newest = pages[0]!.entries.map((text) => JSON.parse(text).orgId)
    expect(newest.filter((org) => org === 'org-19')).toHaveLength(8)
    expect(looks).toEqual(['storm', ...Array.from({ length: 7 }, (_, n) => `org-${n}`)])
    refuse('storm', 5_000)
    await second()
    expect([pages.length, looks.length]).toEqual([2, 9])
  })

  test('nothing is handed on, and no timer left, where nothing happened', async () => {
    await second()
    refuse('acme')
    await second()
    await second()
    expect([pages.length, clock.pending]).toEqual([1, 0])
  })

  test('admissions are counted with them', async () => {
    for (let n = 0; n < 3; n++) {
      events.emit('admission.granted', { connectionId: `c${n}`, org: 'acme', currentCount: 1, maxAllowed: 3 })
    }
    await second()
    expect(pages).toEqual([{ entries: [], storms: [], strangers: [], admitted: 3, refused: 0 }])
  })

  test('R2: while the store is away they wait, bounded, and are handed on when it is back', async () => {
    away = true
    for (let round = 0; round < 5; round++) {
      for (let org = 0; org < 30; org++) refuse(`org-${org}`, 1, 'STORE_UNAVAILABLE')
      await second()
    }
    const known = await find()
    expect([known.of, known.refusals.length]).toEqual(['node', 100])
    away = false
    await second()
    expect(pages).toHaveLength(1)
    expect([pages[0]!.entries.length, pages[0]!.refused]).toEqual([64, 150])
  })

  test('S5: while the store is away an org in a storm pushes nobody out', async () => {
    away = true
    for (let org = 0; org < 20; org++) refuse(`org-${org}`, 1, 'STORE_UNAVAILABLE')
    for (let round = 0; round < 12; round++) {
      refuse('storm', 100, 'STORE_UNAVAILABLE')
      await second()
    }
    away = false
    await second()
    const told = pages[0]!.entries.map((text) => JSON.parse(text).orgId)
    expect([new Set(told).size, told.length]).toEqual([21, 28])
    refuse('storm', 100)
    await second()
    expect(pages[1]!.storms, 'what was handed on takes up no room of the next page').toHaveLength(8)
  })

  test('at the end what is left is handed on, and no timer stays', async () => {
    refuse('acme')
    await refusals.stop()
    expect([pages.length, clock.pending]).toEqual([1, 0])
  })
})

describe('refusals found', () => {
  test('by request id, with counts, address and who held the slots then', async () => {
    const requestId = refuse('acme')
    await second()
    refuse('other')
    await second()
    const page = await find({ requestId })
    expect(page).toMatchObject({ nextCursor: null, of: 'cluster' })
    expect(page.refusals).toEqual([
      {
        ...{ at: '2030-01-01T00:00:00.000Z', node: 'node-a', kind: 'refused', code: FULL, requestId },
        ...{ orgId: 'acme', gatewayId: 'g', address: '192.0.2.1', currentCount: 3, maxAllowed: 3 },
        ...{ retryAfterSeconds: 5, holders: [{ connectionId: 'holder-of-acme', lease: 7 }] },
      },
    ])
  })

  test('one that was not handed on is still found here, and forgotten after 1,000 others', async () => {
    const first = refuse('acme')
    refuse('acme', 999)
    await second()
    expect((await find({ requestId: first })).refusals).toHaveLength(1)
    refuse('acme')
    away = true
    expect((await find({ requestId: first })).refusals).toHaveLength(0)
    expect((await find({ limit: 5_000 })).refusals).toHaveLength(1_000)
  })

  test('S5: one is not forgotten for strangers who are refused without end, in the cluster or here', async () => {
    const requestId = refuse('acme')
    for (let n = 0; n < 200; n++) {
      await second()
      refuse(undefined, 16, 'STORE_UNAVAILABLE')
    }
    expect(await find({ orgId: 'acme' })).toMatchObject({ of: 'cluster', refusals: [{ requestId }] })
    away = true
    expect(await find({ orgId: 'acme' })).toMatchObject({ of: 'node', refusals: [{ requestId }] })
  })

  test('S5: nor in the cluster for an org that is refused without end, and whose newest are found there too', async () => {
    const requestId = refuse('acme')
    let newest = ''
    for (let n = 0; n < 200; n++) {
      newest = refuse('storm', 16)
      await second()
      const [first] = (await find({ orgId: 'storm', limit: 1 })).refusals
      expect(Number(newest.slice(1)) - Number(first!.requestId!.slice(1))).toBe(8)
    }
    expect(await find({ orgId: 'acme' })).toMatchObject({ of: 'cluster', refusals: [{ requestId }] })
    clock.advance(600_000)
    refuse('storm')
    await second()
    expect(pages.at(-1)).toMatchObject({ entries: [expect.stringContaining('storm')], storms: [] })
  })

  test('S5: nor here for another org', async () => {
    const requestId = refuse('acme')
    refuse('storm', 5_000)
    away = true
    expect((await find({ orgId: 'acme' })).refusals).toMatchObject([{ requestId }])
  })

  test('page by page, all of an org and none twice', async () => {
    for (let round = 0; round < 60; round++) {
      for (let org = 0; org < 8; org++) refuse(`org-${org}`)
      await second()
    }
    const seen = new Set<string | undefined>()
    let [cursor, pagesRead] = [undefined as string | undefined, 0]
    do {
      const { refusals: found, nextCursor } = await find({ orgId: 'org-3', limit: 7, cursor })
      for (const { requestId, orgId } of found) {
        expect([orgId, seen.has(requestId)]).toEqual(['org-3', false])
        seen.add(requestId)
      }
      cursor = nextCursor ?? undefined
      pagesRead++
    } while (cursor !== undefined)
    expect([seen.size, pagesRead]).toEqual([60, 9])
  })

  test('a page does not end between two of one place, because the next one goes on behind both', async () => {
    const about = (requestId: string) => ({ at: '', kind: 'refused', code: FULL, node: 'n', requestId })
    const entries = ['3-0', '2-0', '2-0', '1-0'].map((id, n) => ({ id, text: JSON.stringify(about(`r${n}`)) }))
    const journal = { ...new MemoryJournal(), read: async () => entries } as unknown as Journal
    const found = new Refusals({ journal, stats: {} as never, on: events.on.bind(events) }, 'node-a', clock)
    const page = await found.find({ limit: 2 })
    expect(page.refusals.map(({ requestId }) => requestId)).toEqual(['r0', 'r1', 'r2'])
    expect(page.nextCursor).toBe('2-0')
  })

  test('a store that answers and takes nothing: this node tells of itself, and of the cluster again afterwards', async () => {
    refuse('before')
    await second()
    full = true
    refuse('acme', 1, 'STORE_UNAVAILABLE')
    await second()
    expect(await find()).toMatchObject({ of: 'node', refusals: [{ orgId: 'acme' }, { orgId: 'before' }] })
    full = false
    await second()
    expect(await find()).toMatchObject({ of: 'cluster', refusals: [{ orgId: 'acme' }, { orgId: 'before' }] })
  })

  test('closings but those of a drain; of strangers in the journal nothing', async () => {
    const close = (closing: 'EVICTED' | 'DRAINING' | undefined, connectionId: string) =>
      refusals.observer.connectionClosed!({ org: 'acme', gateway: 'g', address: 'a', closing, connectionId })
    close('EVICTED', 'c1')
    close('DRAINING', 'c2')
    close(undefined, 'c3')
    await second()
    expect((await find()).refusals).toMatchObject([{ kind: 'closed', code: 'EVICTED', connectionId: 'c1' }])
    expect((await find({ requestId: 'c1' })).refusals).toHaveLength(1)
    expect(pages).toMatchObject([{ refused: 0 }])
    await until(() => clock.pending === 0)
  })
})

describe('refusals of the last minute', () => {
  test('are counted by code, those of this node alone, until they are a minute old', () => {
    refuse('acme', 3)
    clock.advance(30_000)
    refuse('acme', 2, 'STORE_UNAVAILABLE')
    const close = { org: 'acme', gateway: 'g', address: 'a', closing: 'EVICTED', connectionId: 'c' } as const
    refusals.observer.connectionClosed!(close)
    expect(refusals.lately).toEqual({ [FULL]: 3, STORE_UNAVAILABLE: 2 })
    clock.advance(30_001)
    expect(refusals.lately).toEqual({ STORE_UNAVAILABLE: 2 })
    clock.advance(30_000)
    expect(refusals.lately).toEqual({})
  })

  test('S5: of very many as many as are remembered', () => {
    refuse('acme', 5_000)
    expect(refusals.lately).toEqual({ [FULL]: 1_000 })
  })
})
