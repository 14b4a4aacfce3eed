import { describe, expect, onTestFinished, test } from 'vitest'
import { MAX_ITEMS } from '../../src/store/lease-store.js'
import { REMEMBERED } from '../../src/store/orders.js'
import { leakGate } from '../support/leak-gate.js'
import { listedOrgs } from '../support/listed-orgs.js'
import { redisBench } from '../support/store-bench.js'
import { claim, claims, liveOn, StoreNode } from '../support/store-node.js'

leakGate()

/** What the twin need not do: no script call is long, however much has died at once. */
describe('a cluster that dies all at once', () => {
  test('is declared 64 leases at a time, listed 16 at a time, and cleared to the last slot (L2)', async () => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const survivor = await StoreNode.join(bench)
    const gone = await Promise.all(Array.from({ length: 70 }, () => StoreNode.join(bench)))
    for (const [i, node] of gone.entries()) await node.acquire(...claims(3, `c${i}`, 'acme', 210))
    const { ttlMs, renewIntervalMs } = bench.timing
    for (let passedMs = 0; passedMs < ttlMs; passedMs += renewIntervalMs) {
      await bench.pass(renewIntervalMs)
      await survivor.renew()
    }
    expect((await bench.contents()).dead.size).toBe(64)
    let reply = await survivor.renew()
    expect((await bench.contents()).dead.size).toBe(70)
    const swept = new Set<number>()
    let renewals = 0
    while (reply.dead.length > 0) {
      expect(reply.dead.length).toBeLessThanOrEqual(16)
      for (const lease of reply.dead) {
        await survivor.sweepAll(lease)
        swept.add(lease)
      }
      reply = await survivor.renew()
      renewals += 1
    }
    expect(swept).toEqual(new Set(gone.map(({ lease }) => lease)))
    expect(renewals).toBeLessThanOrEqual(6)
    const { scopes, nodes, live } = await bench.contents()
    expect([scopes.size, [...nodes.keys()], [...live.keys()]]).toEqual([0, [survivor.lease], [survivor.lease]])
  })

  test('holds a large org full for nobody while it is swept (S6)', async () => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const survivor = await StoreNode.join(bench)
    const gone = await Promise.all(Array.from({ length: 20 }, () => StoreNode.join(bench)))
    for (const [i, node] of gone.entries()) await node.acquire(...claims(60, `c${i}`, 'acme', 1_200))
    const last = await survivor.outlive()
    await survivor.renew()
    expect((await bench.contents()).dead.size).toBe(20)
    let admitted = 0
    for (let batch = 0; batch < 20; batch++) {
      admitted += await survivor.admitted(...claims(60, `n${batch}`, 'acme', 1_200))
      if (batch === 10) for (const lease of last.dead) await survivor.sweepAll(lease)
    }
    expect(admitted).toBe(1_200)
    expect(await survivor.acquire(claim('over', 'acme', 1_200))).toMatchObject([{ admitted: false, count: 1_200 }])
  })
})

test('of many late holders the 16 that would be dead first are known, each by its own time, and no more', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const orgs = Array.from({ length: 17 }, (_, i) => claim(`c-${i}`, `org-${i}`, 1))
  for (const held of orgs) {
    await (await StoreNode.join(bench)).acquire(held)
    await bench.pass(1)
  }
  const node = await StoreNode.join(bench)
  const { ttlMs, lateAfterMs } = bench.timing
  for (const passMs of [lateAfterMs - 1_000, 1_000]) {
    await bench.pass(passMs)
    await node.renew()
  }
  const verdicts = await node.acquire(...orgs.map((held) => ({ ...held, id: `new-${held.id}` })))
  const soonestMs = ttlMs - lateAfterMs - orgs.length
  expect(verdicts.map((verdict) => Object(verdict).freeInMs)).toEqual([
    ...Array.from({ length: 16 }, (_, i) => soonestMs + i),
    undefined,
  ])
})

test('an operator who has set very many limits: no page of the list of orgs has them all (S5)', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const node = await StoreNode.join(bench)
  await node.acquire(claim('c', 'holder', 1))
  const orgs = Array.from({ length: 5_000 }, (_, i) => `set-${i}`)
  const { admission, scope } = bench.keys
  await bench.redis.hset(admission, Object.fromEntries(orgs.map((id) => [scope({ name: 'org', id }), 7])))
  let longest = 0
  const listOrgs = async (cursor: string) => {
    const page = await bench.store.inspector.listOrgs(cursor)
    longest = Math.max(longest, page.orgs.length)
    return page
  }
  expect(await listedOrgs({ listOrgs })).toEqual(new Set(['holder', ...orgs]))
  expect(longest).toBeLessThan(1_500)
})

test.each([
  { what: 'whose slots were taken over', table: 'taken' },
  { what: 'that were evicted', table: 'evicted' },
] as const)('of the connections $what the last 100,000 are remembered, and no more', async ({ table }) => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const node = await StoreNode.join(bench)
  const most = REMEMBERED.connections
  const { redis, keys } = bench
  const ids = Array.from({ length: most + 3 }, (_, i) => `${table}-${i}`)
  for (let from = 0; from < ids.length; from += 10_000) {
    const some = ids.slice(from, from + 10_000)
    await redis.zadd(keys[table], ...some.flatMap((id, i) => [from + i + 1, id]))
  }
  await node.renew()
  const remembered = await redis.zmscore(keys[table], `${table}-2`, `${table}-3`)
  expect([await redis.zcard(keys[table]), remembered]).toEqual([most, [null, '4']])
})

test('S5, L2: however many are evicted of other orgs, whoever was taken over stays known', async () => {
  const bench = await redisBench()
  onTestFinished(() => bench.close())
  const [gone, node] = [await StoreNode.join(bench), await StoreNode.join(bench)]
  await gone.acquire(claim('old', 'acme', 2))
  await node.takeOver([claim('new', 'acme', 2), 'old'])
  await liveOn(bench, 0, node)
  for (let i = 0; i * MAX_ITEMS <= REMEMBERED.connections; i++) {
    const ids = Array.from({ length: MAX_ITEMS }, (_, n) => `c${i}-${n}`)
    const set = bench.keys.scope({ name: 'org', id: `org-${i}` })
    await bench.redis.zadd(set, ...ids.flatMap((id) => [node.lease, id]))
    await node.order('evict', `org-${i}`, ids)
  }
  await node.outlive()
  const back = await StoreNode.join(bench)
  expect(await back.reassert('room', true, claim('old', 'acme', 2))).toEqual(['taken'])
})
