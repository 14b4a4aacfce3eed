import { describe, expect, test } from 'vitest'
import type { Admission, AdmissionRequest, Admitted } from '../../src/core/admission.js'
import { Tiers } from '../../src/core/tiers.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import type { LimiterNodeOptions } from '../../src/node/node-options.js'
import { SHORT } from '../support/cluster.js'
import { nodeStage } from '../support/node-stage.js'
import { passTime, steeredStore, turns } from '../support/steered-node.js'

const { ttlMs: T, renewIntervalMs: R, callTimeoutMs: C, recoveryMs } = SHORT
const EVENTS = [
  ...['admission.granted', 'admission.denied', 'admission.abandoned', 'connection.released'],
  ...['connection.taken_over', 'node.started', 'node.quieted', 'node.drained'],
] as const

const stage = nodeStage({ events: EVENTS, connectionsPerOrg: 2 })
const { start } = stage

const pass = (ms: number) => passTime(stage.clock, ms, 5)

async function ask(node: LimiterNode, request: Partial<AdmissionRequest> = {}): Promise<Admission> {
  const admission = node.admit({ org: 'acme', ...request })
  await turns()
  return admission
}

async function held(node: LimiterNode, request?: Partial<AdmissionRequest>): Promise<Admitted> {
  const admission = await ask(node, request)
  if (!admission.admitted) throw new Error(`refused: ${admission.code}`)
  return admission
}

/** A slot whose peer is gone, as a probe finds out. */
async function holdGhost(node: LimiterNode, probed = () => {}): Promise<void> {
  const ghost = await held(node)
  ghost.watch({
    isSilent: true,
    async probe() {
      probed()
      ghost.release()
      return false
    },
  })
}

/** The store goes away, and has been for so long that nobody waits for it any more. */
async function leaveStore(): Promise<void> {
  stage.store.away = true
  stage.store.holdUp('renew')
  await pass(R)
  for (const call of [...stage.store.calls]) call.giveUp()
  await pass(2 * C)
}

describe('a node that starts', () => {
  test('refuses until the store would admit, says so once when it does, and then admits', async () => {
    stage.store.away = true
    const node = await start()
    expect(await ask(node)).toMatchObject({ admitted: false, code: 'STARTING', retryAfterMs: 5_000 })
    stage.store.away = false
    await pass(2 * R)
    expect(node.phase).toBe('running')
    await pass(5 * R)
    expect(stage.told.map(([event]) => event)).toEqual(['admission.denied', 'node.started'])
    expect(await ask(node)).toMatchObject({ admitted: true, currentCount: 1, maxAllowed: 2 })
  })

  test('does not start while the store recovers from a loss, and tells of it once', async () => {
    stage.store = steeredStore(stage.clock, { recovery: true })
    const node = await start()
    await pass(R)
    const refused = await ask(node)
    expect(refused).toMatchObject({ admitted: false, code: 'STARTING' })
    const toldMs = refused.admitted ? 0 : refused.retryAfterMs!
    expect(toldMs).toBeGreaterThanOrEqual(recoveryMs - R)
    expect(toldMs).toBeLessThanOrEqual(recoveryMs + 1_500)
    await pass(recoveryMs + 2 * R)
    expect(stage.told.map(([event]) => event)).toEqual(['admission.denied', 'node.started'])
    expect(await ask(node)).toMatchObject({ admitted: true })
    expect(node.buckets).toEqual({ count: 1, away: [], recoveryMs: 0 })
  })

  test('R1: says how long the recovery lasts, ever less; nothing while the store is away, whatever it had said', async () => {
    stage.store = steeredStore(stage.clock, { recovery: true })
    const node = await start()
    await pass(0)
    const firstMs = node.buckets.recoveryMs
    expect(firstMs).toBeGreaterThan(recoveryMs - R)
    await pass(R / 2)
    expect(node.buckets.recoveryMs).toBeGreaterThan(0)
    expect(node.buckets.recoveryMs).toBeLessThanOrEqual(firstMs - R / 2)
    await leaveStore()
    expect(node.buckets).toEqual({ count: 1, away: [0], recoveryMs: 0 })
  })

  test('is known to the store by its name, when it started and the times of its lease', async () => {
    await start({ name: 'alice', startedAt: '2030-01-01T00:00:00.000Z' })
    await start({ name: 'bob' })
    expect(stage.store.hellos.map(({ nodeInfo }) => JSON.parse(nodeInfo) as object)).toMatchObject([
      { name: 'alice', startedAt: '2030-01-01T00:00:00.000Z', leaseTtlMs: T, renewIntervalMs: R },
      { name: 'bob', startedAt: new Date(stage.clock.wallMs()).toISOString(), leaseTtlMs: T, renewIntervalMs: R },
    ])
  })

  test('reaches the store while its lease is trusted, and not before or after', async () => {
    stage.store.away = true
    const node = await start()
    expect(node.storeReachable).toBe(false)
    stage.store.away = false
    await pass(2 * R)
    expect(node.storeReachable).toBe(true)
    stage.store.away = true
    stage.store.holdUp('renew')
    await pass(R)
    for (const call of [...stage.store.calls]) call.giveUp()
    await pass(R)
    expect(node.storeReachable).toBe(false)
  })
})

describe('who is admitted', () => {
  test('has an id of its own; the grant is told, and so is the release, once', async () => {
    const node = await start()
    const [one, other] = [await held(node), await held(node)]
    expect(one.connectionId).toMatch(/-0$/)
    expect(other.connectionId).toMatch(/-1$/)
    expect(node.connections).toBe(2)
    one.release()
    one.release()
    await turns()
    expect(node.connections).toBe(1)
    expect(stage.told.slice(1)).toStrictEqual([
      ['admission.granted', { connectionId: one.connectionId, org: 'acme', currentCount: 1, maxAllowed: 2 }],
      ['admission.granted', { connectionId: other.connectionId, org: 'acme', currentCount: 2, maxAllowed: 2 }],
      ['connection.released', { connectionId: one.connectionId, org: 'acme' }],
    ])
    expect(await ask(node)).toMatchObject({ admitted: true, currentCount: 2 })
  })

  test('is told what is reserved beyond its limit, where something is', async () => {
    const node = await start({ connectionsPerOrg: 3, limits: { reserved: { slots: 1 } } })
    const usual = await held(node)
    expect(usual).toMatchObject({ currentCount: 1, maxAllowed: 2, reserved: 1 })
    expect(stage.told.at(-1)![1]).toStrictEqual({
      ...{ connectionId: usual.connectionId, org: 'acme', currentCount: 1, maxAllowed: 2, reserved: 1 },
    })
    const priority = await held(node, { priority: true })
    expect(priority).toMatchObject({ currentCount: 2, maxAllowed: 3 })
    expect(priority).not.toHaveProperty('reserved')
  })

  test('has the slot of the connection whose token it shows, and that one is closed', async () => {
    const node = await start({ connectionsPerOrg: 1 })
    const old = await held(node)
    expect(old.resumeToken).toBeDefined()
    const next = await held(node, { resumeToken: old.resumeToken! })
    expect(old.closing).toBe('TAKEN_OVER')
    expect(stage.told.filter(([event]) => event === 'connection.taken_over')).toStrictEqual([
      ['connection.taken_over', { connectionId: next.connectionId, org: 'acme', replaced: old.connectionId }],
    ])
  })

  test('took nothing over where its token names one that has gone', async () => {
    const node = await start({ connectionsPerOrg: 1 })
    const old = await held(node)
    const resumeToken = old.resumeToken!
    old.release()
    await turns()
    await held(node, { resumeToken })
    expect(stage.told.map(([event]) => event)).not.toContain('connection.taken_over')
  })

  test('and has left before the decision is told as that, and gets nothing', async () => {
    const node = await start()
    stage.store.holdUp('acquire')
    const left = new AbortController()
    const admission = node.admit({ org: 'acme' }, left.signal)
    await turns()
    left.abort()
    expect(await admission).toStrictEqual({ admitted: false, code: 'ADMISSION_UNDECIDED' })
    expect(stage.told.at(-1)).toStrictEqual(['admission.abandoned', { org: 'acme' }])
  })

  test('after a silent peer of its node was found to be gone is another than who was asked for first', async () => {
    const node = await start({ connectionsPerOrg: 1, probeTimeoutMs: 100 })
    await holdGhost(node)
    const next = await held(node)
    expect([next.connectionId.endsWith('-2'), next.currentCount]).toEqual([true, 1])
  })

  test('in a tier that is none is told of once, however often the store is asked for it', async () => {
    const told: unknown[] = []
    const node = await start({ tiers: new Tiers({ free: 1 }), probeTimeoutMs: 100, policies: { onStoreDown: 'allow' } })
    node.events.on('tier.unknown', (event) => told.push(event))
    await holdGhost(node)
    await held(node, { tier: 'gold' })
    expect(told).toEqual([{ org: 'acme', tier: 'gold', fallback: 'free' }])
    await leaveStore()
    await held(node, { org: 'other', tier: 'silver' })
    expect(told.slice(1)).toEqual([{ org: 'other', tier: 'silver', fallback: 'free' }])
  })

  test('is not asked for again where the node became quiet while its peers were probed', async () => {
    const node = await start({ connectionsPerOrg: 1, probeTimeoutMs: 100 })
    await holdGhost(node, () => node.quiet())
    expect(await ask(node)).toMatchObject({ admitted: false, code: 'DRAINING' })
    expect(node.connections).toBe(0)
  })

  test('and finds the org full has the other nodes that hold its slots look for silent peers', async () => {
    const [node, other] = [await start({ connectionsPerOrg: 1 }), await start({ connectionsPerOrg: 1 })]
    await pass(2 * R)
    await held(other)
    stage.store.holdUp('renew')
    expect(await ask(node)).toMatchObject({ admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED' })
    expect(stage.store.inner.tables.probes.size).toBe(1)
    // The middle of what they take at most: their next renewal, and the second that a peer has to answer.
    expect(await ask(node)).toMatchObject({ retryAfterMs: R * 1.1 + 1_000 + 250 })
  })

  test('is looked for by its node every half second once it has named its instance', async () => {
    const renewals = () => stage.told.filter(([event]) => event === 'lease.renewed').length
    const node = await start({ limits: { instance: true }, timing: { ...SHORT, renewIntervalMs: 1_000 } })
    node.events.on('lease.renewed', (event) => stage.told.push(['lease.renewed', event]))
    await held(node)
    await pass(600)
    expect(renewals()).toBe(0)
    await pass(500)
    expect(renewals()).toBe(1)
    await held(node, { instance: 'pod' })
    await pass(505)
    expect(renewals()).toBe(2)
  })

  test('waits in a queue that can be looked at, and so does what is given back', async () => {
    const node = await start()
    const one = await held(node)
    stage.store.holdUp('acquire', 'release')
    const admission = node.admit({ org: 'acme' })
    await turns()
    expect(node.waiting).toEqual({ admissions: 1, releases: 0 })
    one.release()
    await turns()
    expect(node.waiting).toEqual({ admissions: 1, releases: 1 })
    for (const call of [...stage.store.calls]) await call.answer()
    expect(await admission).toMatchObject({ admitted: true })
    await turns()
    expect(node.waiting).toEqual({ admissions: 0, releases: 0 })
  })
})

describe('R2: in the store’s place', () => {
  async function away(options: Partial<LimiterNodeOptions>): Promise<LimiterNode> {
    const node = await start({ policies: { onStoreDown: 'allow' }, ...options })
    await leaveStore()
    return node
  }

  test('who waits is admitted as debt, under an id that no call to the store has named', async () => {
    const node = await away({})
    const admitted = await held(node)
    expect(admitted).toMatchObject({ currentCount: 1, maxAllowed: 2 })
    expect(admitted.connectionId).toMatch(/-1$/)
  })

  test('nobody is who has left, nor at a node that stops meanwhile', async () => {
    const node = await away({})
    expect(await node.admit({ org: 'acme' }, AbortSignal.abort())).toMatchObject({ code: 'ADMISSION_UNDECIDED' })
    node.quiet()
    expect(await ask(node)).toMatchObject({ admitted: false, code: 'DRAINING' })
    expect(node.connections).toBe(0)
  })

  test('nobody is who was asked about when the node became quiet', async () => {
    const node = await start({ policies: { onStoreDown: 'allow' } })
    stage.store.holdUp('acquire', 'renew')
    const admission = node.admit({ org: 'acme' })
    await turns()
    node.quiet()
    stage.store.away = true
    for (const call of [...stage.store.calls]) call.giveUp()
    await pass(2 * C)
    expect(await admission).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
  })

  test('nobody is while the store is there, and has only not answered in time, or refuses', async () => {
    const node = await start({ policies: { onStoreDown: 'allow' }, connectionsPerOrg: 0 })
    expect(await ask(node)).toMatchObject({ admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED' })
    stage.store.holdUp('acquire')
    const admission = node.admit({ org: 'globex', limit: 5 })
    await pass(C + 20)
    expect(await admission).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
    expect(node.storeReachable).toBe(true)
  })
})

describe('a node that stops', () => {
  test('is quiet first: it admits nobody, keeps who is open, and says so once', async () => {
    const node = await start()
    const open = await held(node)
    node.quiet()
    node.quiet()
    expect(node.phase).toBe('quiet')
    expect(await ask(node)).toMatchObject({ admitted: false, code: 'DRAINING', retryAfterMs: 5_000 })
    expect(open.closing).toBeUndefined()
    expect(stage.told.filter(([event]) => event === 'node.quieted')).toStrictEqual([['node.quieted', {}]])
  })

  test('as an operator has ordered it by another node is quiet', async () => {
    const [node, other] = [await start(), await start()]
    const lease = [...stage.store.inner.tables.live.keys()][0]!
    await other.orders.drain(lease)
    await pass(2 * R)
    expect([node.phase, other.phase]).toEqual(['quiet', 'running'])
  })

  test('closes who is open, waits for their slots, gives up the lease, and is stopped', async () => {
    const node = await start()
    const open = await held(node)
    const draining = node.drain({ withinMs: 1_000 })
    await turns()
    expect([node.phase, open.closing]).toEqual(['draining', 'DRAINING'])
    node.quiet()
    expect(node.phase).toBe('draining')
    stage.store.holdUp('release')
    open.release()
    await turns()
    expect(stage.told.map(([event]) => event)).not.toContain('node.drained')
    await stage.store.calls[0]!.answer()
    await draining
    expect([node.phase, stage.store.inner.tables.live.size]).toEqual(['stopped', 0])
    expect(stage.told.at(-1)).toStrictEqual(['node.drained', { left: 0 }])
    node.quiet()
    await node.drain({ withinMs: 1_000 })
    expect(node.phase).toBe('stopped')
    expect(stage.told.filter(([event]) => event === 'node.drained')).toHaveLength(1)
  })

  test('waits four fifths of its time for clients that do not close, and gives up the lease all the same', async () => {
    const node = await start()
    await held(node)
    let isDone = false
    const draining = node.drain({ withinMs: 1_000 }).then(() => {
      isDone = true
    })
    await turns()
    await passTime(stage.clock, 795, 5)
    expect(stage.told.map(([event]) => event)).not.toContain('node.drained')
    await passTime(stage.clock, 10, 5)
    expect(stage.told.at(-1)).toStrictEqual(['node.drained', { left: 1 }])
    expect([isDone, stage.store.inner.tables.live.size]).toEqual([true, 0])
    await draining
  })

  test.each([
    ['the time that is left', 1_000, 995],
    ['a moment, however little time it has', 0, 95],
  ])('waits for a store that does not answer %s', async (_, withinMs, waitedMs) => {
    const node = await start()
    await held(node)
    stage.store.holdUp('leave')
    let isDone = false
    const draining = node.drain({ withinMs }).then(() => {
      isDone = true
    })
    await turns()
    await passTime(stage.clock, waitedMs, 5)
    expect(isDone).toBe(false)
    await passTime(stage.clock, 10, 5)
    expect(isDone).toBe(true)
    await draining
  })

  test('while it is given its first lease gives that up as well', async () => {
    stage.store.holdUp('hello')
    const node = await start()
    const draining = node.drain({ withinMs: 1_000 })
    await turns()
    await stage.store.calls[0]!.answer()
    await draining
    expect([node.phase, stage.store.inner.tables.live.size]).toEqual(['stopped', 0])
  })

  test('as two ask at the same time gives up its lease once, and loses none', async () => {
    const node = await start()
    const open = await held(node)
    const lost: unknown[] = []
    node.events.on('lease.lost', (event) => lost.push(event))
    const both = Promise.all([node.drain({ withinMs: 1_000 }), node.drain({ withinMs: 2_000 })])
    open.release()
    await turns()
    await both
    expect([node.phase, lost]).toEqual(['stopped', []])
    expect(stage.told.filter(([event]) => event === 'node.drained')).toEqual([['node.drained', { left: 0 }]])
  })

  test.each([
    ['first', [1_000, Number.POSITIVE_INFINITY]],
    ['last', [Number.POSITIVE_INFINITY, 1_000]],
  ])('waits for clients no longer than the one of two who has less time, and who asks %s', async (_, times) => {
    const node = await start()
    await held(node)
    const both = Promise.all(times.map((withinMs) => node.drain({ withinMs })))
    await passTime(stage.clock, 795, 5)
    expect(node.phase).toBe('draining')
    await passTime(stage.clock, 10, 5)
    await both
    expect(node.phase).toBe('stopped')
    expect(stage.told.filter(([event]) => event === 'node.drained')).toEqual([['node.drained', { left: 1 }]])
  })

  test('closes who is admitted by a decision that was under way', async () => {
    const node = await start()
    stage.store.holdUp('acquire')
    const admission = node.admit({ org: 'acme' })
    await turns()
    const draining = node.drain({ withinMs: 1_000 })
    await turns()
    await stage.store.calls[0]!.answer()
    const admitted = (await admission) as Admitted
    expect([admitted.admitted, admitted.closing]).toEqual([true, 'DRAINING'])
    admitted.release()
    await draining
    expect(node.connections).toBe(0)
  })

  test('tells who is refused by a decision that was under way that it stops', async () => {
    const node = await start({ connectionsPerOrg: 0 })
    stage.store.holdUp('acquire')
    const admission = node.admit({ org: 'acme' })
    await turns()
    node.quiet()
    await stage.store.calls[0]!.answer()
    expect(await admission).toMatchObject({ admitted: false, code: 'DRAINING', retryAfterMs: 5_000 })
  })

  test('at once leaves its lease to expire', async () => {
    const node = await start()
    await held(node)
    await node.abandon()
    expect([node.phase, stage.store.inner.tables.live.size]).toEqual(['stopped', 1])
    expect(await ask(node)).toMatchObject({ admitted: false, code: 'DRAINING' })
  })
})

describe('a limit that is lowered', () => {
  test('closes the surplus as its terms say', async () => {
    const node = await start({ connectionsPerOrg: 3 })
    const open = [await held(node), await held(node), await held(node)]
    await node.setLimit('acme', 2, { onLowered: 'newest' })
    await pass(2 * R)
    expect(open.map(({ closing }) => closing)).toEqual([undefined, undefined, 'OVER_LIMIT'])
  })

  test('closes as its terms say, and not as the node would, what was admitted in the store’s place too', async () => {
    const node = await start({ policies: { onStoreDown: 'allow', onLimitLowered: 'oldest' } })
    await node.setLimit('acme', 1, { onLowered: 'newest' })
    await pass(R)
    const first = await held(node)
    await leaveStore()
    const debt = await held(node)
    stage.store.letThrough('renew')
    stage.store.away = false
    await pass(4 * R)
    expect([first.closing, debt.closing]).toEqual([undefined, 'OVER_LIMIT'])
  })
})
