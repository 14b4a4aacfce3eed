import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import { systemClock } from '../../src/core/clock.js'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import { BucketedNode, type BucketedNodeOptions } from '../../src/node/buckets/bucketed-node.js'
import { WholeNews } from '../../src/node/buckets/whole-news.js'
import { memoryStore, SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'
import { passTime, steeredStore, turns } from '../support/steered-node.js'
import { SteeredStore } from '../support/steered-store.js'
import { codeOf } from '../support/thrown.js'
import { until } from '../support/until.js'

/** Three buckets; an org is in the one that its name ends with. */
let stores: SteeredStore[]
let events: EventBus
let told: (keyof NodeEvents)[]

beforeEach(() => {
  stores = [0, 1, 2].map(() => new SteeredStore(memoryStore()))
  events = new EventBus()
  told = []
  for (const event of ['node.started', 'node.quieted', 'node.drained'] as const)
    events.on(event, () => told.push(event))
})

function node(options: Partial<BucketedNodeOptions> = {}): BucketedNode {
  const made = new BucketedNode({
    ...{ buckets: stores, bucketOf: (org) => Number(org.at(-1)), timing: SHORT, clock: systemClock, events },
    ...{ random: Math.random, connectionsPerOrg: 2, name: 'n' },
    ...options,
  })
  onTestFinished(async () => {
    for (const store of stores) store.away = false
    await made.drain({ withinMs: 500 })
  })
  made.start()
  return made
}

async function running(options?: Partial<BucketedNodeOptions>): Promise<BucketedNode> {
  const made = node(options)
  await until(() => made.phase === 'running' && made.storeReachable)
  return made
}

describe('a node over several buckets', () => {
  test('S5: closes those of all buckets that are ordered to go at the pace of one, and of each its part', async () => {
    const clock = new ManualClock()
    stores = [0, 1, 2].map(() => steeredStore(clock))
    const made = node({ clock, connectionsPerOrg: 200, random: () => 0.5 })
    await turns()
    const orgs = ['org-0', 'org-1', 'org-2']
    const closed = new Map(orgs.map((org) => [org, 0]))
    const sum = () => [...closed.values()].reduce((one, other) => one + other)
    events.on('order.obeyed', ({ org }) => closed.set(org, closed.get(org)! + 1))
    for (const org of orgs) {
      const asked = Array.from({ length: 200 }, () => made.admit({ org }))
      await turns()
      for (const admission of (await Promise.all(asked)) as Admitted[]) {
        admission.lost.addEventListener('abort', () => admission.release())
      }
      await made.orders.evict({ orgId: org })
    }
    await passTime(clock, SHORT.renewIntervalMs)
    for (let pause = 0; pause < 5; pause++) {
      const before = sum()
      await passTime(clock, 250)
      expect(sum() - before).toBe(3 * 22)
    }
    expect(Math.min(...closed.values())).toBeGreaterThan(100)
    await passTime(clock, 3_000)
    expect([sum(), made.connections]).toEqual([600, 0])
  })

  test('asks the first bucket before it uses any other', async () => {
    stores[0]!.away = true
    const made = node()
    await until(() => stores[0]!.connects >= 3)
    expect([stores[1]!.connects, stores[2]!.connects]).toEqual([0, 0])
    stores[0]!.away = false
    await until(() => made.phase === 'running')
    expect(told).toEqual(['node.started'])
  })

  test('starts once although a bucket is away, and that one’s orgs wait alone', async () => {
    stores[2]!.away = true
    const made = node()
    await until(() => made.phase === 'running')
    expect(told).toEqual(['node.started'])
    expect(await made.admit({ org: 'org-1' })).toMatchObject({ admitted: true })
    expect(await made.admit({ org: 'org-2' })).toMatchObject({ admitted: false, code: 'STARTING' })
    expect(made.storeReachable).toBe(false)
    expect(made.buckets).toEqual({ count: 3, away: [2], recoveryMs: 0 })
    stores[2]!.away = false
    await until(() => made.storeReachable)
    expect(made.buckets.away).toEqual([])
    expect(await made.admit({ org: 'org-2' })).toMatchObject({ admitted: true })
    expect(told).toEqual(['node.started'])
  })

  test('a bucket that loses its memory is told again of its own connections, and says which it is', async () => {
    const made = await running()
    const reasserted: NodeEvents['connections.reasserted'][] = []
    events.on('connections.reasserted', (event) => reasserted.push(event))
    for (const org of ['org-0', 'org-1', 'org-1']) expect(await made.admit({ org })).toMatchObject({ admitted: true })
    stores[1]!.inner.tables.wipe()
    await until(() => reasserted.length > 0)
    expect(reasserted).toEqual([{ kept: 2, closed: 0, mode: 'keep', bucket: 1 }])
    expect(await made.admit({ org: 'org-1' })).toMatchObject({ admitted: false, currentCount: 2 })
    expect(made.connections).toBe(3)
  })

  test('renewals of all buckets are one word: the most nodes, all that is dead, the longest recovery', () => {
    const renewed: NodeEvents['lease.renewed'][] = []
    events.on('lease.renewed', (event) => renewed.push(event))
    const news = new WholeNews({ events, buckets: 2, clock: systemClock, patienceMs: 0, started: () => {} })
    news.heard(0, 'lease.renewed', { liveNodes: 3, deadLeases: 1, recoveryMs: 0 })
    news.heard(1, 'lease.renewed', { liveNodes: 2, deadLeases: 2, recoveryMs: 700 })
    news.heard(1, 'lease.renewed', { liveNodes: 2, deadLeases: 0, recoveryMs: 0 })
    expect(renewed).toEqual([
      { liveNodes: 3, deadLeases: 1, recoveryMs: 0 },
      { liveNodes: 3, deadLeases: 3, recoveryMs: 700 },
      { liveNodes: 3, deadLeases: 1, recoveryMs: 0 },
    ])
  })

  test('what a bucket said before its store went away is no word on how many nodes there are, nor on a recovery', async () => {
    const clock = new ManualClock()
    stores = [0, 1, 2].map(() => steeredStore(clock))
    const renewed: NodeEvents['lease.renewed'][] = []
    events.on('lease.renewed', (event) => renewed.push(event))
    node({ clock, random: () => 0.5 })
    const other = node({ clock, random: () => 0.5, events: new EventBus() })
    await passTime(clock, 2 * SHORT.renewIntervalMs)
    expect(renewed.at(-1)).toMatchObject({ liveNodes: 2 })
    stores[1]!.away = true
    stores[1]!.holdUp('renew')
    await passTime(clock, SHORT.renewIntervalMs)
    for (const call of [...stores[1]!.calls]) call.giveUp()
    const stopped = other.drain({ withinMs: 1_000 })
    await passTime(clock, 1_000 + SHORT.renewIntervalMs)
    await stopped
    expect(renewed.at(-1)).toMatchObject({ liveNodes: 1 })
  })

  test('an id is looked for in all buckets; one that is away only matters if no other has it', async () => {
    const made = await running()
    const held = await made.admit({ org: 'org-1' })
    if (!held.admitted) throw new Error(held.code)
    const { connectionId } = held
    stores[2]!.inner.inspector.orgOf = () => Promise.reject(new Error('away'))
    expect(await made.orders.evict({ connectionId })).toMatchObject({ ordered: 1 })
    await expect(made.orders.evict({ connectionId: 'nobody' })).rejects.toThrow('away')
    expect(await made.orders.drain(12345)).toBe('gone')
    held.release()
  })

  test('stops once, in all buckets, its leases given up last', async () => {
    const made = await running()
    const held = await made.admit({ org: 'org-2' })
    if (!held.admitted) throw new Error(held.code)
    held.lost.addEventListener('abort', () => held.release())
    const left: number[] = []
    events.on('node.drained', (event) => left.push(event.left))
    made.quiet()
    expect(await made.admit({ org: 'org-0' })).toMatchObject({ code: 'DRAINING' })
    await made.drain({ withinMs: 2_000 })
    expect(held.lost.reason).toBe('DRAINING')
    expect(made.phase).toBe('stopped')
    expect(told).toEqual(['node.started', 'node.quieted', 'node.drained'])
    expect(left).toEqual([0])
    for (const { inner } of stores) expect(inner.tables.live.size).toBe(0)
  })

  test('a stop before the start starts nothing afterwards', async () => {
    stores[0]!.away = true
    const made = node()
    await made.drain({ withinMs: 200 })
    stores[0]!.away = false
    expect(made.phase).toBe('stopped')
    expect(told).toEqual(['node.quieted', 'node.drained'])
    expect(stores[1]!.connects).toBe(0)
  })

  test('refuses limits that span orgs, of which no bucket knows what the others hold', async () => {
    expect(codeOf(() => node({ limits: { address: 3 } }))).toBe('INVALID_SETTINGS')
    expect(codeOf(() => node({ limits: { cluster: 3 } }))).toBe('INVALID_SETTINGS')
    const unlimited = Number.POSITIVE_INFINITY
    const made = await running({ limits: { address: unlimited, cluster: unlimited } })
    const scopes = [{ name: 'user', id: 'kim', limit: 1 }]
    await expect(made.admit({ org: 'org-1', scopes })).rejects.toMatchObject({ code: 'INVALID_SCOPES' })
    expect(await made.admit({ org: 'org-1', scopes: [] })).toMatchObject({ admitted: true })
  })

  test('counts what waits in all buckets', async () => {
    const made = await running()
    const held = [await made.admit({ org: 'org-0' }), await made.admit({ org: 'org-2' })]
    for (const store of stores) store.holdUp('acquire', 'release')
    const asked = [made.admit({ org: 'org-0' }), made.admit({ org: 'org-1' }), made.admit({ org: 'org-1' })]
    for (const one of held) if (one.admitted) one.release()
    await until(() => made.waiting.admissions === 3 && made.waiting.releases === 2)
    for (const store of stores) {
      store.letThrough('acquire', 'release')
      for (const call of [...store.calls]) await call.answer()
    }
    for (const one of await Promise.all(asked)) expect(one).toMatchObject({ admitted: true })
  })

  test('S5: who waits for silent holders in one bucket takes a place of all', async () => {
    const made = await running({ connectionsPerOrg: 1 })
    let answer = (_: boolean) => {}
    const answered = new Promise<boolean>((resolve) => {
      answer = resolve
    })
    const crowd = async (org: string) => {
      const holder = await made.admit({ org })
      if (holder.admitted) holder.watch({ isSilent: true, probe: () => answered })
      return Array.from({ length: 16 }, () => made.admit({ org }))
    }
    const waiting: Promise<unknown>[] = []
    for (let n = 0; n < 32; n++) waiting.push(...(await crowd(`crowd-${n}-0`)))
    // 512 places: 31 times 16 are taken, and half of the rest; of what is left the other bucket's org may have half.
    let refused = 0
    const others = (await crowd('org-1')).map((asked) => asked.finally(() => refused++))
    await until(() => refused === 12)
    answer(true)
    await Promise.all([...waiting, ...others])
  })

  test('an order goes to the bucket of its org: a limit, and who is to go', async () => {
    const made = await running()
    const held = [await made.admit({ org: 'org-1' }), await made.admit({ org: 'org-1' })]
    await made.setLimit('org-1', 1)
    expect(stores.map(({ inner }) => inner.tables.overrides.get('org-1'))).toEqual([undefined, 1, undefined])
    expect(await made.orders.evict({ orgId: 'org-1' })).toMatchObject({ ordered: 2 })
    const connectionId = held[0]!.admitted ? held[0]!.connectionId : ''
    for (const whom of [{ connectionId }, { connectionId, orgId: undefined } as never]) {
      const again = await made.orders.evict(whom)
      expect(again.ordered + again.leaving).toBe(1)
    }
    for (const one of held) if (one.admitted) one.release()
  })

  test('an order for nobody is misuse, whatever it is that names nobody', async () => {
    const made = await running()
    const both = { connectionId: 'c-1', orgId: 'acme' }
    for (const whom of [null, 'acme', undefined, {}, both, { connectionId: 1 }] as never[]) {
      expect(codeOf(() => void made.orders.evict(whom))).toBe('INVALID_ORG')
    }
  })

  test('another node is told to stop by the lease that it has in any bucket, and tells of it once', async () => {
    const toldToStop: unknown[] = []
    events.on('drain.ordered', (event) => toldToStop.push(event))
    const made = await running()
    const leases = stores.map(({ inner }) => [...inner.tables.live.keys()][0]!)
    const other = await running({ events: new EventBus() })
    for (const lease of leases.slice(1)) expect(await other.orders.drain(lease)).not.toBe('gone')
    await until(() => made.phase === 'quiet')
    let renewals = 0
    events.on('lease.renewed', () => renewals++)
    await until(() => renewals >= 2 * stores.length)
    expect([toldToStop, other.phase]).toEqual([[{}], 'running'])
  })

  test('what is left when it stops is told of all buckets together', async () => {
    const made = await running()
    const left: number[] = []
    events.on('node.drained', (event) => left.push(event.left))
    for (const org of ['org-0', 'org-0', 'org-1']) await made.admit({ org })
    const slow = await made.admit({ org: 'org-1' })
    if (!slow.admitted) throw new Error(slow.code)
    slow.lost.addEventListener('abort', () => setTimeout(slow.release, 50))
    await made.drain({ withinMs: 1_000 })
    await made.drain({ withinMs: 1_000 })
    expect(left).toEqual([3])
  })
})

describe('the word of all buckets', () => {
  function news() {
    const clock = new ManualClock()
    const heard = new WholeNews({ events, buckets: 2, clock, patienceMs: 500, started: () => {} })
    return { clock, heard }
  }

  test('that the node has started comes with the last bucket', () => {
    const { clock, heard } = news()
    heard.heard(0, 'node.started', {})
    clock.advance(499)
    expect(told).toEqual([])
    heard.heard(1, 'node.started', {})
    expect([told, clock.pending]).toEqual([['node.started'], 0])
  })

  test('or some time after the first, and never once it is quiet', () => {
    const one = news()
    one.heard.heard(0, 'node.started', {})
    one.clock.advance(500)
    one.heard.heard(1, 'node.started', {})
    expect(told).toEqual(['node.started'])
    const other = news()
    other.heard.heard(0, 'node.quieted', {})
    other.heard.heard(0, 'node.started', {})
    other.clock.advance(500)
    expect(told).toEqual(['node.started', 'node.quieted'])
  })
})
