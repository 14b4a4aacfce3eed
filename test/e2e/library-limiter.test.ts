import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import {
  type Admission,
  type Admitted,
  closings,
  createLimiter,
  type Limiter,
  type LimiterOptions,
  type NodeEvents,
  UsageError,
} from '../../src/index.js'
import { MemoryStore } from '../../src/store/memory/store.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { codeOf } from '../support/thrown.js'
import { until } from '../support/until.js'

let prefix: string | undefined

leakGate({ prefix: () => prefix, redisUrl: sharedRedisUrl })

/** A deadline so long that a busy machine is not taken for a store that is away. */
const SHORT = { leaseTtlMs: 8_000, renewIntervalMs: 200, storeTimeoutMs: 2_000 }

/** Options of limiters that share their slots, as far as the kind of store allows; new ones for each test. */
const kinds: [string, () => LimiterOptions][] = [
  [
    'Redis',
    () => {
      prefix = freshPrefix()
      return { redis: sharedRedisUrl(), keyPrefix: prefix, ...SHORT }
    },
  ],
  ['the embedded store', () => SHORT],
]

async function start(options: LimiterOptions): Promise<Limiter> {
  const limiter = createLimiter(options)
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  await limiter.ready()
  return limiter
}

function taken(admission: Admission): Admitted {
  if (!admission.admitted) throw new Error(`refused: ${admission.code}`)
  return admission
}

const empty = (limiter: Limiter, org: string) =>
  until(async () => (await limiter.orgStats(org)).currentCount === 0, { what: `${org} holds no slot` })

describe.each(kinds)('a limiter on %s', (_, options) => {
  test('S1, L1: admits up to the limit, and one more for each release', async () => {
    const limiter = await start({ ...options(), limits: { org: 2 } })
    expect(limiter.phase).toBe('running')
    const first = taken(await limiter.admit({ org: 'acme' }))
    expect(first).toMatchObject({ currentCount: 1, maxAllowed: 2 })
    const second = taken(await limiter.admit({ org: 'acme' }))
    expect(second.connectionId).not.toBe(first.connectionId)
    const denied = await limiter.admit({ org: 'acme' })
    expect(denied).toMatchObject({
      ...{ admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 2, maxAllowed: 2 },
      retryAfterMs: expect.any(Number),
    })
    expect(await limiter.canAccept('acme')).toBe(false)
    expect(await limiter.canAccept('globex')).toBe(true)
    expect(await limiter.orgStats('acme')).toEqual({ orgId: 'acme', currentCount: 2, maxAllowed: 2 })
    first.release()
    first.release()
    await until(() => limiter.canAccept('acme'))
    const third = taken(await limiter.admit({ org: 'acme' }))
    expect(await limiter.admit({ org: 'acme' })).toMatchObject({ admitted: false })
    second.release()
    third.release()
    await empty(limiter, 'acme')
  })

  test('the request’s own limit, no limit, and a limit of 0', async () => {
    const limiter = await start(options())
    expect(await limiter.admit({ org: 'none', limit: 0 })).toMatchObject({ admitted: false, maxAllowed: 0 })
    const many = await Promise.all(
      Array.from({ length: 100 }, () => limiter.admit({ org: 'any', limit: Number.POSITIVE_INFINITY })),
    )
    expect(new Set(many.map((one) => taken(one).connectionId)).size).toBe(100)
    expect(taken(many[0]!).maxAllowed).toBe(Number.POSITIVE_INFINITY)
    for (const one of many) taken(one).release()
    await empty(limiter, 'any')
  })

  test('canAccept and orgStats answer for the limit that the request would bring along', async () => {
    const limiter = await start({ ...options(), limits: { org: 1 } })
    const one = taken(await limiter.admit({ org: 'acme', limit: 2 }))
    expect(await limiter.canAccept('acme')).toBe(false)
    expect(await limiter.canAccept('acme', { limit: 2 })).toBe(true)
    expect(await limiter.canAccept('acme', { limit: 0 })).toBe(false)
    expect(await limiter.orgStats('acme', { limit: 2 })).toEqual({ orgId: 'acme', currentCount: 1, maxAllowed: 2 })
    await expect(limiter.canAccept('acme', { limit: -1 })).rejects.toThrow(UsageError)
    await limiter.setLimit('acme', 1)
    expect(await limiter.canAccept('acme', { limit: 2 })).toBe(false)
    await limiter.setLimit('acme', undefined)
    one.release()
    await empty(limiter, 'acme')
  })

  test('setLimit binds the next admission, wins over the request’s limit, and can be taken back', async () => {
    const limiter = await start(options())
    await limiter.setLimit('acme', 1)
    const one = taken(await limiter.admit({ org: 'acme', limit: 50 }))
    expect(await limiter.admit({ org: 'acme', limit: 50 })).toMatchObject({ admitted: false, maxAllowed: 1 })
    await limiter.setLimit('idle', 7)
    const stats = await limiter.allOrgStats()
    expect(stats).toHaveLength(2)
    expect(stats).toContainEqual({ orgId: 'acme', currentCount: 1, maxAllowed: 1 })
    expect(stats).toContainEqual({ orgId: 'idle', currentCount: 0, maxAllowed: 7 })
    await limiter.setLimit('acme', undefined)
    await limiter.setLimit('idle', undefined)
    const two = taken(await limiter.admit({ org: 'acme' }))
    expect(two).toMatchObject({ currentCount: 2, maxAllowed: 3 })
    expect(await limiter.allOrgStats()).toEqual([{ orgId: 'acme', currentCount: 2, maxAllowed: 3 }])
    for (const each of [one, two]) each.release()
    await empty(limiter, 'acme')
    expect(await limiter.allOrgStats()).toEqual([])
  })

  test('an org that comes near its limit is told of once on each node that admits it', async () => {
    const shared = { ...options(), limits: { org: 5, nearlyFullPercent: 60 } }
    const limiter = await start(shared)
    const told: object[] = []
    limiter.on('org.nearly_full', (event) => told.push(event))
    const all: Admitted[] = []
    for (let n = 0; n < 5; n++) all.push(taken(await limiter.admit({ org: 'acme' })))
    expect(told).toEqual([{ org: 'acme', currentCount: 3, maxAllowed: 5 }])
    if (shared.redis !== undefined) {
      const other = await start(shared)
      other.on('org.nearly_full', (event) => told.push(event))
      await other.admit({ org: 'acme' })
      await other.admit({ org: 'acme' })
      expect(told.slice(1)).toEqual([{ org: 'acme', currentCount: 5, maxAllowed: 5 }])
    }
    for (const one of all) one.release()
    await empty(limiter, 'acme')
  })

  test('a caller that leaves during the decision keeps no slot', async () => {
    const limiter = await start(options())
    let [abandoned, denied] = [0, 0]
    limiter.on('admission.abandoned', () => abandoned++)
    limiter.on('admission.denied', () => denied++)
    const asked = Array.from({ length: 50 }, () => {
      const left = new AbortController()
      const admission = limiter.admit({ org: 'acme' }, left.signal)
      left.abort()
      return admission
    })
    for (const admission of await Promise.all(asked)) {
      expect(admission).toEqual({ admitted: false, code: 'ADMISSION_UNDECIDED' })
    }
    expect([abandoned, denied]).toEqual([50, 0])
    await empty(limiter, 'acme')
    expect(limiter.connections).toBe(0)
  })

  test('L4: drain tells each connection, waits for its release, and admits nobody more', async () => {
    const limiter = await start(options())
    const held = await Promise.all([1, 2, 3].map(async () => taken(await limiter.admit({ org: 'acme' }))))
    const reasons: unknown[] = []
    for (const one of held) {
      one.lost.addEventListener('abort', () => {
        reasons.push(one.lost.reason)
        // A socket takes a while to close.
        setTimeout(() => one.release(), 50)
      })
    }
    const startMs = performance.now()
    const drained = limiter.drain({ withinMs: 5_000 })
    expect(await limiter.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'DRAINING' })
    await drained
    expect(performance.now() - startMs).toBeLessThan(2_000)
    expect(reasons).toEqual(['DRAINING', 'DRAINING', 'DRAINING'])
    expect(closings.DRAINING.close).toBe(1012)
    expect(limiter).toMatchObject({ phase: 'stopped', connections: 0, storeReachable: false })
    expect(await limiter.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'DRAINING' })
    await limiter.drain()
  })

  test('a connection that never lets go does not hold up a drain beyond its time', async () => {
    const shared = options()
    const limiter = await start(shared)
    const swept: number[] = []
    if (shared.redis !== undefined) {
      const other = await start(shared)
      other.on('lease.swept', ({ connections }) => swept.push(connections))
    }
    const stubborn = taken(await limiter.admit({ org: 'acme' }))
    const startMs = performance.now()
    await limiter.drain({ withinMs: 300 })
    expect(performance.now() - startMs).toBeLessThan(3_000)
    expect(stubborn.lost.aborted).toBe(true)
    // Its slot is left to the sweep of a node that is still there.
    if (shared.redis !== undefined) await until(() => swept.includes(1))
    stubborn.release()
  })

  test('events tell in order what happened, and a listener that throws harms nobody', async () => {
    const limiter = createLimiter({ ...options(), limits: { org: 1 } })
    onTestFinished(() => limiter.drain({ withinMs: 0 }))
    const told: [keyof NodeEvents, object][] = []
    const events: (keyof NodeEvents)[] = [
      ...(['node.started', 'lease.taken', 'admission.granted', 'admission.denied'] as const),
      ...(['connection.released', 'node.quieted', 'node.drained'] as const),
    ]
    for (const event of events) limiter.on(event, (payload) => void told.push([event, payload]))
    const stop = limiter.on('admission.granted', () => told.push(['admission.granted', {}]))
    stop()
    await limiter.ready()
    const one = taken(await limiter.admit({ org: 'acme' }))
    await limiter.admit({ org: 'acme' })
    one.release()
    await limiter.drain({ withinMs: 1_000 })
    const { connectionId } = one
    expect(told).toEqual([
      ['lease.taken', expect.objectContaining({ lease: expect.any(Number) })],
      ['node.started', {}],
      ['admission.granted', { connectionId, org: 'acme', currentCount: 1, maxAllowed: 1 }],
      ['admission.denied', expect.objectContaining({ org: 'acme', code: 'ORG_CONNECTION_LIMIT_EXCEEDED' })],
      ['connection.released', { connectionId, org: 'acme' }],
      ['node.quieted', {}],
      ['node.drained', { left: 0 }],
    ])
  })

  test('misuse is a UsageError that says what is accepted; hostile but sound ids are like any other', async () => {
    const limiter = await start(options())
    for (const org of ['', 'x'.repeat(257), 'lone \ud800 surrogate', undefined, 7] as string[]) {
      await expect(limiter.admit({ org })).rejects.toThrow(UsageError)
      await expect(limiter.setLimit(org, 1)).rejects.toThrow(UsageError)
      await expect(limiter.orgStats(org)).rejects.toThrow(UsageError)
      await expect(limiter.canAccept(org)).rejects.toThrow(UsageError)
    }
    for (const limit of [-1, 1.5, Number.NaN, '3' as unknown as number]) {
      await expect(limiter.admit({ org: 'acme', limit })).rejects.toThrow('whole number')
      await expect(limiter.setLimit('acme', limit)).rejects.toThrow(UsageError)
    }
    expect(limiter.connections).toBe(0)
    for (const org of ['{1}:org:x', 'a\r\nb', '\0', '🏢', '__proto__', 'x'.repeat(256), '*', 'constructor']) {
      const held = await Promise.all([1, 2, 3].map(async () => taken(await limiter.admit({ org }))))
      expect(await limiter.admit({ org })).toMatchObject({ admitted: false, currentCount: 3 })
      expect(await limiter.orgStats(org)).toMatchObject({ orgId: org, currentCount: 3 })
      for (const one of held) one.release()
      await empty(limiter, org)
    }
  })
})

test('a store that was handed in outlives the limiter; the one that made it closes it', async () => {
  let closed = 0
  const store = new MemoryStore({
    timing: leaseTiming({ ttlMs: 8_000, renewIntervalMs: 200, callTimeoutMs: 2_000 }),
    clock: systemClock,
  })
  vi.spyOn(store, 'close').mockImplementation(async () => void closed++)
  const one = createLimiter({ ...SHORT, store })
  const other = createLimiter({ ...SHORT, store })
  onTestFinished(() => other.drain({ withinMs: 0 }))
  await Promise.all([one.ready(), other.ready()])
  await one.drain({ withinMs: 500 })
  expect(closed).toBe(0)
  taken(await other.admit({ org: 'acme' })).release()
})

test('the embedded store takes what operators set from the first call on', async () => {
  const limiter = createLimiter({ limits: { tiers: { free: 2 } } })
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  const set = [limiter.setLimit('acme', 1), limiter.setTier('globex', 'free'), limiter.evict({ orgId: 'acme' })]
  expect(await Promise.all(set)).toEqual([undefined, undefined, { ordered: 0, leaving: 0, truncated: false }])
  expect(await limiter.drainNode(1)).toBe('gone')
  expect(await limiter.orgStats('acme')).toMatchObject({ maxAllowed: 1 })
})

test('misuse is told as such: terms, a signal, whom to evict, and why, a lease, priority, a listener', async () => {
  const limiter = createLimiter()
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  const [signal, nobody] = [{ signal: AbortSignal.abort() } as never, undefined as never]
  for (const [misused, code] of [
    [limiter.setLimit('acme', 5, { for: 1_000 } as never), 'INVALID_TERMS'],
    [limiter.admit({ org: 'acme' }, signal), 'INVALID_SETTINGS'],
    [limiter.admit({ org: 'acme' }, null as never), 'INVALID_SETTINGS'],
    [limiter.setLimit('acme', 5, { onLowered: 1n } as never), 'INVALID_TERMS'],
    [limiter.setTier('acme', 1n as never), 'UNKNOWN_TIER'],
    [limiter.evict(nobody), 'INVALID_ORG'],
    [limiter.evict('acme' as never), 'INVALID_ORG'],
    [limiter.evict({ orgId: 'acme' }, 'why' as never), 'INVALID_SETTINGS'],
    [limiter.evict({ orgId: 'acme' }, { reason: 5 } as never), 'INVALID_SETTINGS'],
    [limiter.drainNode('node-1' as never), 'INVALID_SETTINGS'],
    [limiter.drainNode(nobody), 'INVALID_SETTINGS'],
    [limiter.admit({ org: 'acme', priority: 'false' } as never), 'INVALID_SETTINGS'],
    [limiter.canAccept('acme', { priority: 1 } as never), 'INVALID_SETTINGS'],
    [limiter.admit({ org: 'acme', scopes: [null] } as never), 'INVALID_SCOPES'],
    [limiter.admit({ org: 'acme', scopes: [{ name: 1n }] } as never), 'INVALID_SCOPES'],
  ] as const) {
    await expect(misused).rejects.toMatchObject({ name: 'UsageError', code })
  }
  expect(codeOf(() => limiter.on('store.left', nobody))).toBe('INVALID_SETTINGS')
  for (const [none, hint] of [
    ['admission.deny', 'did you mean admission.denied?'],
    ['error', 'docs/library.md lists them'],
    ['constructor', 'docs/library.md lists them'],
  ]) {
    expect(() => limiter.on(none as never, () => {})).toThrow(hint)
  }
  expect(codeOf(() => createLimiter({ keyPrefix: '{}' }))).toBe('INVALID_KEY_PREFIX')
})

describe('options that cannot work are refused at once', () => {
  test.each<[string, LimiterOptions, string]>([
    ['no URL of Redis', { redis: 'http://localhost' }, 'INVALID_REDIS_URL'],
    ['nonsense for a URL', { redis: 'nonsense' }, 'INVALID_REDIS_URL'],
    ['braces in the prefix', { redis: 'redis://localhost', keyPrefix: '{x}:' }, 'INVALID_KEY_PREFIX'],
    ['a soft limit above all', { limits: { nearlyFullPercent: 101 } }, 'INVALID_SETTINGS'],
    ['a limit below 0', { limits: { org: -1 } }, 'INVALID_LIMIT'],
    ['a lease too short for its renewal', { leaseTtlMs: 3_000 }, 'INVALID_SETTINGS'],
    ['a lease of NaN', { leaseTtlMs: Number.NaN }, 'INVALID_SETTINGS'],
    ['a renewal that never waits', { renewIntervalMs: 0 }, 'INVALID_SETTINGS'],
    ['a deadline of 0', { storeTimeoutMs: 0 }, 'INVALID_SETTINGS'],
  ])('%s', (_, options, code) => {
    expect(codeOf(() => void createLimiter(options).drain({ withinMs: 0 }))).toBe(code)
  })
})
