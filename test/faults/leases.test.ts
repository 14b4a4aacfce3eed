import { test as base, describe, expect } from 'vitest'
import type { Admission, Admitted } from '../../src/core/admission.js'
import { systemClock } from '../../src/core/clock.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { LimiterNode } from '../../src/node/limiter-node.js'
import type { LeaseStore } from '../../src/store/lease-store.js'
import { Books } from '../support/books.js'
import { redisStore } from '../support/cluster.js'
import { freshPrefix, startRedis } from '../support/redis.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'
import { watch } from '../support/watch.js'

/** Leases short enough to see them die, and calls that a busy machine answers in time. */
const TIMING = leaseTiming({ ttlMs: 3_000, renewIntervalMs: 300, callTimeoutMs: 500 })
const { ttlMs: T, renewIntervalMs: R } = TIMING
/** For a way to Redis that takes more than half of the deadline of a call: two calls in turn are too late. */
const FAR = leaseTiming({ ttlMs: 6_000, renewIntervalMs: 500, callTimeoutMs: 1_500 })
const FAR_ONE_WAY_MS = 450
const ORG = 'acme'

/** Nodes of this process on a Redis of their own, and a proxy in front of it. */
interface Stage {
  readonly proxy: TcpProxy
  readonly books: Books
  readonly stores: LeaseStore[]
  /** Which node has lost its lease, and why. */
  readonly lost: string[]
  /** A node that admits. */
  start(name: string, options?: { viaProxy?: boolean; timing?: typeof TIMING }): Promise<LimiterNode>
  /** Resolves when the lease has been declared dead. */
  dead(lease: number): Promise<unknown>
  /** L5: the members in Redis are the connections that are open, and the next admissions are exactly what is free. */
  theBooksAgree(openNow: number, asking: LimiterNode): Promise<void>
}

/** Each test waits for leases to end, on a stage of its own: so they wait together. */
const test = base.extend<{ on: Stage }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads from the pattern what a fixture needs.
  on: async ({}, use) => {
    const redis = await startRedis()
    const proxy = await startProxy(redis.port, redis.host)
    const prefix = freshPrefix()
    const books = new Books(redis.url, prefix)
    const [nodes, stores, lost]: [LimiterNode[], LeaseStore[], string[]] = [[], [], []]
    await use({
      ...{ proxy, books, stores, lost },
      async start(name, { viaProxy = false, timing = TIMING } = {}) {
        const store = redisStore(viaProxy ? proxy.url : redis.url, prefix, timing)
        const node = new LimiterNode({
          ...{ store, timing, clock: systemClock, random: Math.random, connectionsPerOrg: 3, name },
        })
        stores.push(store)
        nodes.push(node)
        node.events.on('lease.lost', ({ reason }) => lost.push(`${name} ${reason}`))
        node.start()
        await until(() => node.phase === 'running', { withinMs: 10_000, what: `${name} admits` })
        return node
      },
      dead: (lease) =>
        until(async () => !(await books.isLive(lease)), { withinMs: T + 10_000, what: `lease ${lease} is dead` }),
      async theBooksAgree(openNow, asking) {
        const what = `${openNow} slots are taken`
        await until(async () => (await books.total()) === openNow, { withinMs: 10_000, what })
        const more = taken(await ask(asking, 9))
        expect(openNow + more.length, 'S1').toBe(3)
        for (const one of more) one.release()
        await until(async () => (await books.total()) === openNow, { what: 'what was free is free again' })
      },
    })
    await Promise.all(nodes.map((node) => node.abandon()))
    await Promise.all(stores.map((store) => store.close()))
    books.close()
    await proxy.stop()
    await redis.stop()
  },
})

const ask = (node: LimiterNode, times: number): Promise<Admission[]> =>
  Promise.all(Array.from({ length: times }, () => node.admit({ org: ORG })))
const taken = (admissions: Admission[]): Admitted[] => admissions.filter((one): one is Admitted => one.admitted)
const codes = (admissions: Admission[]) => new Set(admissions.map((one) => (one.admitted ? 'admitted' : one.code)))
const open = async (node: LimiterNode, times: number): Promise<Admitted[]> => {
  const opened = taken(await ask(node, times))
  expect(opened).toHaveLength(times)
  return opened
}
const FULL = 'ORG_CONNECTION_LIMIT_EXCEEDED'

describe.concurrent('S3: a lease belongs to the start of a process, never to a name', () => {
  test('two nodes of one name both work, and the death of one takes nothing from the other', async ({ on }) => {
    const { books, lost, start, stores, theBooksAgree } = on
    const [one, two] = [await start('same'), await start('same')]
    expect((await stores[0]!.inspector.nodes()).map(({ info }) => JSON.parse(info).name)).toEqual(['same', 'same'])
    const [mine, theirs] = [await open(one, 1), await open(two, 2)]
    expect(codes([...(await ask(one, 3)), ...(await ask(two, 3))])).toEqual(new Set([FULL]))
    const leases = [...(await books.generations()).keys()]
    await one.abandon()
    await until(async () => (await books.generations()).size === 1, { withinMs: T + 10_000, what: 'one lease is dead' })
    await theBooksAgree(2, two)
    expect(leases).toHaveLength(2)
    expect([lost, theirs.some((each) => each.lost.aborted)]).toEqual([[], false])
    for (const each of [...mine, ...theirs]) each.release()
  })

  test('a restart under the same name finds the slots of the dead taken for T + R at most, and loses none to them', async ({
    on,
  }) => {
    const { books, dead, lost, start, theBooksAgree } = on
    const first = await start('same')
    await open(first, 2)
    const old = await books.leaseOf('same')
    await first.abandon()
    const second = await start('same')
    const [kept] = (await open(second, 1)) as [Admitted]
    expect(codes(await ask(second, 3)), 'L2: not before its lease has run out').toEqual(new Set([FULL]))
    await dead(old)
    await theBooksAgree(1, second)
    expect(await books.leaseOf('same')).not.toBe(old)
    expect([lost, kept.lost.aborted]).toEqual([[], false])
    kept.release()
  })
})

describe.concurrent('S3: a lease that is declared dead while an acquire is in flight', () => {
  test('the acquire that arrives afterwards takes nothing', async ({ on }) => {
    const { books, dead, lost, proxy, start, theBooksAgree } = on
    const [slow, other] = [await start('slow', { viaProxy: true }), await start('other')]
    const [kept] = (await open(slow, 1)) as [Admitted]
    const old = await books.leaseOf('slow')
    proxy.hold()
    expect(codes(await ask(slow, 2)), 'R2: not hung').toEqual(new Set(['STORE_UNAVAILABLE']))
    await dead(old)
    const theirs = await open(other, 3)
    expect(kept.lost.aborted).toBe(false)
    proxy.dropClientSideAndKeepBytes()
    await until(() => kept.lost.aborted, { withinMs: 10_000, what: 'the node has come back and found no room' })
    expect(await proxy.deliverHeld(), 'the acquire was still under way').toBeGreaterThan(0)
    expect([lost, kept.lost.reason]).toEqual([['slow fenced'], 'LEASE_LOST'])
    expect(await books.isLive(old)).toBe(false)
    kept.release()
    await theBooksAgree(3, slow)
    for (const each of theirs) each.release()
    await theBooksAgree(0, other)
  })

  test('the slot of an acquire that ran, and whose answer was lost, dies with the lease', async ({ on }) => {
    const { books, dead, lost, proxy, start, theBooksAgree } = on
    const [slow, other] = [await start('slow', { viaProxy: true }), await start('other')]
    const old = await books.leaseOf('slow')
    proxy.holdReplies()
    const asked = ask(slow, 2)
    await until(async () => (await books.total()) === 2, { what: 'the acquire has run' })
    expect(codes(await asked)).toEqual(new Set(['STORE_UNAVAILABLE']))
    proxy.refuse()
    proxy.cutAll()
    // Until then the slots are taken: nobody else can know that they are nobody's.
    expect(taken(await ask(other, 3))).toHaveLength(1)
    await dead(old)
    expect(taken(await ask(other, 3))).toHaveLength(2)
    proxy.releaseReplies()
    proxy.accept()
    await until(() => slow.storeReachable, { withinMs: 10_000, what: 'the node is back' })
    await theBooksAgree(3, slow)
    expect(lost).toEqual(['slow fenced'])
  })
})

describe.concurrent('R2: a way to the store that takes more than half of C', () => {
  test('costs no node its connection again and again while others are late, dead and swept', async ({ on }) => {
    const { books, proxy, start } = on
    const [far, gone] = [await start('far', { viaProxy: true, timing: FAR }), await start('gone', { timing: FAR })]
    proxy.delay(FAR_ONE_WAY_MS)
    const left: string[] = []
    far.events.on('store.left', ({ cause }) => left.push(cause))
    const [kept] = (await open(far, 1)) as [Admitted]
    await open(gone, 2)
    const lease = await books.leaseOf('gone')
    await gone.abandon()
    const [first] = await until(
      async () => {
        const admitted = taken(await ask(far, 1))
        return admitted.length > 0 && admitted
      },
      { withinMs: 30_000, what: 'the slots of the dead are free' },
    )
    expect(await books.isLive(lease)).toBe(false)
    // One call may have been under way when the doubt arose.
    expect(left.length, `${left}`).toBeLessThanOrEqual(1)
    for (const each of [first!, kept]) each.release()
  })
})

describe.concurrent('R5: one-way loss, where requests arrive and replies do not', () => {
  test('the lease lives on and its slots count, nobody is closed, and nothing is taken twice', async ({ on }) => {
    const { books, lost, proxy, start, theBooksAgree } = on
    const [deaf, other] = [await start('deaf', { viaProxy: true }), await start('other')]
    const mine = await open(deaf, 2)
    const lease = await books.leaseOf('deaf')
    proxy.holdReplies()
    const sinceMs = performance.now()
    expect(codes(await ask(deaf, 2))).toEqual(new Set(['STORE_UNAVAILABLE']))
    // Whatever the acquire took that nobody heard of, the limit holds; and it holds for longer than a lease lasts.
    const theirs = taken(await ask(other, 3))
    expect(theirs.length).toBeLessThanOrEqual(1)
    mine[0]!.release()
    const watching = watch(async () => {
      expect([...codes(await ask(other, 1))], 'S1').not.toContain('admitted')
      expect(await books.total(), 'S1').toBeLessThanOrEqual(3)
    })
    await until(() => performance.now() - sinceMs > T + 2 * R, { withinMs: 2 * T })
    await watching.stop()
    expect(deaf.storeReachable).toBe(false)
    proxy.releaseReplies()
    proxy.cutAll()
    await until(() => deaf.storeReachable, { withinMs: 10_000, what: 'the node hears again' })
    expect([lost, await books.leaseOf('deaf'), mine[1]!.lost.aborted]).toEqual([[], lease, false])
    // What went unanswered is settled: given back are the released one and the two that nobody waits for.
    await theBooksAgree(1 + theirs.length, other)
    for (const each of [mine[1]!, ...theirs]) each.release()
  })

  test('R1: a hello whose answer is lost after a loss of memory leaves no lease that recovery waits for', async ({
    on,
  }) => {
    const { books, proxy, start, stores, theBooksAgree } = on
    const [deaf, other] = [await start('deaf', { viaProxy: true }), await start('other')]
    const all = [...(await open(deaf, 2)), ...(await open(other, 1))]
    const before = new Set((await books.generations()).keys())
    // It hears that its lease is lost, and nothing after that.
    deaf.events.on('lease.lost', () => proxy.holdReplies())
    await books.redis.flushall()
    const leasesOfDeaf = async () =>
      (await stores[1]!.inspector.nodes()).filter(
        ({ info, lease }) => JSON.parse(info).name === 'deaf' && !before.has(lease),
      )
    const [unheard] = await until(async () => (await leasesOfDeaf()).length === 1 && leasesOfDeaf(), {
      what: 'the hello for a new lease has run',
      withinMs: 10_000,
    })
    proxy.releaseReplies()
    proxy.cutAll()
    await until(() => deaf.storeReachable && other.storeReachable, { withinMs: 10_000, what: 'both are back' })
    expect((await leasesOfDeaf()).map(({ lease }) => lease)).toEqual([unheard!.lease])
    await until(async () => codes(await ask(other, 1)).has(FULL), { withinMs: 10_000, what: 'admissions are decided' })
    expect(all.some((each) => each.lost.aborted)).toBe(false)
    expect(await books.total()).toBe(3)
    expect((await books.generations()).size).toBe(2)
    for (const each of all) each.release()
    await theBooksAgree(0, deaf)
  })
})
