import { expect, test } from 'vitest'
import { BucketedStore } from '../../src/store/bucketed-store.js'
import { type LeaseStore, StoreUnavailable } from '../../src/store/lease-store.js'
import { MissingBuckets } from '../../src/store/missing-buckets.js'
import { memoryStore } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'
import { turns } from '../support/steered-node.js'
import { until } from '../support/until.js'

function bucketed(count: number): { stores: LeaseStore[]; store: BucketedStore; clock: ManualClock } {
  const [first, ...others] = Array.from({ length: count }, (): LeaseStore => memoryStore())
  const clock = new ManualClock()
  return { stores: [first!, ...others], store: new BucketedStore([first!, ...others], clock), clock }
}

test('an org falls to the same bucket on every node and for all time', () => {
  const { store } = bucketed(16)
  const orgs = ['acme', 'globex', 'Ünï', '{x}', 'a\r\nb']
  // Written down once: another value would send an org to another set than the nodes before.
  expect(orgs.map((org) => store.bucketOf(org))).toEqual([11, 4, 6, 15, 8])
})

test('every bucket has its share of orgs', () => {
  const { store } = bucketed(16)
  const counts = Array.from({ length: 16 }, () => 0)
  for (let i = 0; i < 16_000; i++) counts[store.bucketOf(`org-${i}`)]!++
  expect(Math.min(...counts)).toBeGreaterThan(850)
  expect(Math.max(...counts)).toBeLessThan(1_150)
})

test('the list of orgs goes through all buckets, page by page, and has each org once', async () => {
  const { store, stores } = bucketed(3)
  const pages: Record<string, { cursor: string; orgs: string[] }>[] = [
    { '0': { cursor: '7', orgs: ['a'] }, '7': { cursor: '0', orgs: ['b'] } },
    { '0': { cursor: '0', orgs: [] } },
    { '0': { cursor: 'o9', orgs: ['c'] }, o9: { cursor: '0', orgs: ['d'] } },
  ]
  stores.forEach((bucket, i) => {
    bucket.inspector.listOrgs = async (cursor) => pages[i]![cursor]!
  })
  const seen: string[] = []
  const cursors: string[] = []
  let cursor = '0'
  do {
    const page = await store.inspector.listOrgs(cursor)
    seen.push(...page.orgs)
    cursor = page.cursor
    cursors.push(cursor)
  } while (cursor !== '0')
  expect(seen).toEqual(['a', 'b', 'c', 'd'])
  expect(cursors).toEqual(['0.7', '2.o9', '0'])
  expect(await store.inspector.listOrgs('99.0')).toEqual({ cursor: '0', orgs: [] })
})

test('a page that is full ends before the next bucket', async () => {
  const { store, stores } = bucketed(2)
  stores[0]!.inspector.listOrgs = async () => ({ cursor: '0', orgs: Array.from({ length: 500 }, (_, i) => `o${i}`) })
  expect(await store.inspector.listOrgs('0')).toMatchObject({ cursor: '1.0' })
})

test('a node is one entry: all its leases and connections, and the end of the lease that runs out first', async () => {
  const { store, stores } = bucketed(2)
  const entry = { lease: 1, connections: 2, expiresInMs: 900, info: '{"name":"a"}' }
  stores[0]!.inspector.nodes = async () => [entry, { ...entry, lease: 2, info: '{"name":"b"}' }]
  stores[1]!.inspector.nodes = async () => [{ ...entry, lease: 3, connections: 5, expiresInMs: 400 }]
  expect(await store.inspector.nodes()).toEqual([
    { ...entry, leases: [1, 3], connections: 7, expiresInMs: 400 },
    { ...entry, lease: 2, leases: [2], info: '{"name":"b"}' },
  ])
})

test('each bucket is asked for its leases as of now: in one alone a node may have been silent for long', async () => {
  const { store, stores } = bucketed(2)
  const entry = { lease: 1, connections: 0, info: '{"name":"a"}' }
  for (const [i, bucket] of stores.entries())
    bucket.inspector.nodes = async (which) => [{ ...entry, expiresInMs: which?.asOfNow ? -i : 900 }]
  expect(await store.inspector.nodes({ asOfNow: true })).toMatchObject([{ expiresInMs: -1 }])
})

/** As that of a Redis that is gone. */
const away = () => Promise.reject(new StoreUnavailable('away'))

test('nodes are known in part while a bucket is away, to whom that is enough: one may still be told to stop (L4)', async () => {
  const { store, stores } = bucketed(3)
  const entry = { connections: 2, expiresInMs: 900, info: '{"name":"n"}' }
  stores[0]!.inspector.nodes = away
  stores[1]!.inspector.nodes = async () => [{ ...entry, lease: 11 }]
  stores[2]!.inspector.nodes = async () => [{ ...entry, lease: 22 }]
  await expect(store.inspector.nodes()).rejects.toThrow(StoreUnavailable)
  const partly = new MissingBuckets()
  expect(await store.inspector.nodes({ partly })).toEqual([{ ...entry, lease: 11, leases: [11, 22], connections: 4 }])
  expect(partly.told).toEqual({ bucketsAway: [0], buckets: 3 })
  for (const bucket of stores) bucket.inspector.nodes = away
  await expect(store.inspector.nodes({ partly: new MissingBuckets() })).rejects.toThrow(StoreUnavailable)
})

test('what is asked for in part lacks what is away and says so; who does not ask for that gets all or nothing', async () => {
  const { store, stores } = bucketed(3)
  const orgs = ['acme', 'globex', 'Ünï', '{x}', 'b', 'c']
  for (const [i, bucket] of stores.entries()) {
    bucket.inspector.listOrgs = async () => ({ cursor: '0', orgs: orgs.filter((org) => store.bucketOf(org) === i) })
    bucket.inspector.countOrgs = async (some) => some.map((org) => ({ org, count: 1, override: undefined }))
  }
  const lost = stores[store.bucketOf('acme')]!
  Object.assign(lost.inspector, { listOrgs: away, countOrgs: away, nodes: away })
  await expect(store.inspector.listOrgs('0')).rejects.toThrow(StoreUnavailable)
  await expect(store.inspector.countOrgs(orgs)).rejects.toThrow(StoreUnavailable)
  const partly = new MissingBuckets()
  const rest = orgs.filter((org) => stores[store.bucketOf(org)] !== lost)
  const page = await store.inspector.listOrgs('0', { partly })
  expect(page.cursor).toBe('0')
  expect([...page.orgs].sort()).toEqual([...rest].sort())
  expect((await store.inspector.countOrgs(orgs, { partly })).map(({ org }) => org)).toEqual(rest)
  expect(partly.told).toEqual({ bucketsAway: [store.bucketOf('acme')], buckets: 3 })
})

test('a page asks each bucket that is away once, and all of them at the same time', async () => {
  const { store, stores } = bucketed(4)
  const asked: string[] = []
  const fails: (() => void)[] = []
  const late = (what: string) => () => {
    asked.push(what)
    return new Promise<never>((_, reject) => fails.push(() => reject(new StoreUnavailable('late'))))
  }
  for (const [i, bucket] of stores.entries()) {
    if (i !== 3) Object.assign(bucket.inspector, { listOrgs: late(`orgs of ${i}`), nodes: late(`nodes of ${i}`) })
  }
  const partly = new MissingBuckets()
  const page = store.inspector.listOrgs('0', { partly })
  fails.shift()!()
  await until(() => fails.length === 2)
  expect(asked).toEqual(['orgs of 0', 'nodes of 1', 'nodes of 2'])
  for (const fail of fails) fail()
  expect(await page).toEqual({ cursor: '0', orgs: [] })
  await store.inspector.nodes({ partly })
  await store.inspector.listOrgs('0', { partly })
  expect(asked).toHaveLength(3)
  expect(partly.told).toEqual({ bucketsAway: [0, 1, 2], buckets: 4 })
})

test('a page that is late has the others looked at meanwhile, so that no two waits follow each other', async () => {
  const { store, stores, clock } = bucketed(4)
  const frozen = () =>
    new Promise<never>((_, reject) =>
      clock.after(2_000, () => reject(new StoreUnavailable('no answer within 2000 ms'))),
    )
  for (const bucket of stores.slice(1, 3)) Object.assign(bucket.inspector, { listOrgs: frozen, nodes: frozen })
  const partly = new MissingBuckets()
  const startMs = clock.monotonicMs()
  const page = store.inspector
    .listOrgs('0', { partly })
    .then(({ orgs }) => ({ orgs, tookMs: clock.monotonicMs() - startMs }))
  let isOver = false
  void page.then(() => {
    isOver = true
  })
  for (let ms = 0; ms < 5_000 && !isOver; ms += 50) {
    await turns()
    clock.advance(50)
  }
  expect((await page).orgs).toEqual([])
  expect((await page).tookMs).toBeLessThan(2_500)
  expect(partly.told).toEqual({ bucketsAway: [1, 2], buckets: 4 })
})

test('a Redis that is slow and not away has its buckets looked at once for a request, and not for each page', async () => {
  const { store, stores, clock } = bucketed(3)
  const asked = { pages: 0, looks: 0 }
  const slow = <T>(answer: T) => new Promise<T>((resolve) => clock.after(300, () => resolve(answer)))
  for (const bucket of stores) {
    bucket.inspector.listOrgs = (cursor) => {
      asked.pages++
      return slow({ cursor: cursor === '4' ? '0' : String(Number(cursor) + 1), orgs: [] })
    }
    bucket.inspector.nodes = () => {
      asked.looks++
      return slow([])
    }
  }
  const partly = new MissingBuckets()
  let cursor: string | undefined
  const walk = async () => {
    while (cursor !== '0') cursor = (await store.inspector.listOrgs(cursor ?? '0', { partly })).cursor
  }
  const walked = walk()
  for (let ms = 0; ms < 10_000 && cursor !== '0'; ms += 50) {
    await turns()
    clock.advance(50)
  }
  await walked
  expect(asked).toEqual({ pages: 15, looks: 2 })
  expect(partly.told).toEqual({})
})

test('a page that comes late after all is whole, whatever becomes of the others that were looked at', async () => {
  const { store, stores, clock } = bucketed(2)
  let answer = (_page: { cursor: string; orgs: string[] }) => {}
  stores[0]!.inspector.listOrgs = () =>
    new Promise((resolve) => {
      answer = resolve
    })
  let fail = () => {}
  stores[1]!.inspector.nodes = () =>
    new Promise((_, reject) => {
      fail = () => reject(new TypeError('a bug'))
    })
  const page = store.inspector.listOrgs('0', { partly: new MissingBuckets() })
  clock.advance(300)
  await turns()
  answer({ cursor: '0', orgs: ['acme'] })
  expect(await page).toEqual({ cursor: '0', orgs: ['acme'] })
  fail()
  await turns()
  expect(clock.pending).toBe(0)
})

test('there is no answer, not even in part, where no bucket answers, whichever the page begins with', async () => {
  const { store, stores } = bucketed(3)
  for (const bucket of stores) Object.assign(bucket.inspector, { listOrgs: away, countOrgs: away, nodes: away })
  for (const cursor of ['0', '2.0', '1.7'])
    await expect(store.inspector.listOrgs(cursor, { partly: new MissingBuckets() })).rejects.toThrow(StoreUnavailable)
})

test('a bug is no bucket that is away', async () => {
  const { store, stores } = bucketed(2)
  stores[1]!.inspector.nodes = () => Promise.reject(new TypeError('a bug'))
  await expect(store.inspector.nodes({ partly: new MissingBuckets() })).rejects.toThrow('a bug')
})

test('a question about one org costs one bucket', async () => {
  const { store, stores } = bucketed(4)
  const at = store.bucketOf('acme')
  for (const [i, bucket] of stores.entries()) {
    if (i === at) continue
    bucket.inspector.holders = () => Promise.reject(new Error('not asked'))
    bucket.inspector.overridesOf = () => Promise.reject(new Error('not asked'))
  }
  expect(await store.inspector.holders('acme', 10)).toEqual([])
  expect(await store.inspector.overridesOf('acme')).toEqual({})
})

test('nodes are asked for in the bucket of one org alone, under the leases that they have there (S5)', async () => {
  const { store, stores } = bucketed(3)
  const at = store.bucketOf('acme')
  for (const [i, bucket] of stores.entries()) {
    const entry = { lease: 10 + i, connections: i, expiresInMs: 900, info: '{"name":"n"}' }
    bucket.inspector.nodes = async (which) =>
      i === at && which?.uncounted ? [entry] : Promise.reject(new StoreUnavailable('away'))
  }
  expect(await store.inspector.nodes({ org: 'acme', uncounted: true })).toMatchObject([
    { lease: 10 + at, leases: [10 + at], connections: at },
  ])
})
