import { describe, expect, onTestFinished, test } from 'vitest'
import type { Admission, Admitted } from '../../src/core/admission.js'
import { systemClock } from '../../src/core/clock.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { Books } from '../support/books.js'
import { startNodes } from '../support/cluster.js'
import { LIVELY, writeKeys } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { type ServerProcess, startServer } from '../support/processes.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { startShiftedRedis } from '../support/shifted-redis.js'
import { until } from '../support/until.js'
import { WallClock } from '../support/wall-clock.js'

leakGate()

const HOUR_MS = 3_600_000
const TIMING = leaseTiming({ ttlMs: 3_000, renewIntervalMs: 300, callTimeoutMs: 1_000 })

interface Jumping {
  readonly nodes: LimiterNode[]
  readonly books: Books
  readonly lost: string[]
  shift(ms: number): Promise<void>
}

/** Three nodes in this process on a Redis whose clock can be moved. */
async function jumping(script?: string): Promise<Jumping> {
  const keyPrefix = freshPrefix()
  const shifted = await startShiftedRedis(keyPrefix)
  onTestFinished(() => shifted.stop())
  const options = { url: shifted.redis.url, keyPrefix, timing: TIMING, clock: systemClock }
  const stores: RedisStore[] = []
  const nodes = await startNodes(
    3,
    () => {
      const store = new RedisStore({ ...options, script: shifted.scriptOf(script) })
      stores.push(store)
      return store
    },
    { timing: TIMING },
  )
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.abandon()))
    await Promise.all(stores.map((store) => store.close()))
  })
  const books = new Books(shifted.redis.url, keyPrefix)
  onTestFinished(() => books.close())
  const lost: string[] = []
  for (const node of nodes) node.events.on('lease.lost', ({ reason }) => lost.push(reason))
  return { nodes, books, lost, shift: shifted.shift }
}

async function fill(node: LimiterNode, org: string): Promise<Admitted[]> {
  const asked = await Promise.all([1, 2, 3].map(() => node.admit({ org })))
  const taken = asked.filter((one): one is Admitted => one.admitted)
  expect(taken).toHaveLength(3)
  return taken
}

/** Asks all nodes for the full org again and again, for so long; resolves to what they said. */
async function askFor(nodes: readonly LimiterNode[], forMs: number): Promise<Admission[]> {
  const said: Admission[] = []
  const sinceMs = performance.now()
  await until(
    async () => {
      said.push(...(await Promise.all(nodes.map((node) => node.admit({ org: 'acme' })))))
      return performance.now() - sinceMs > forMs
    },
    { withinMs: forMs + 10_000, what: 'all has been asked' },
  )
  return said
}

describe("R3: Redis's clock jumps by an hour", () => {
  test.each([
    ['forward, and back after a term', [HOUR_MS, 0]],
    ['back, and forward after a term', [-HOUR_MS, 0]],
  ])('%s: nobody loses a lease, nobody is admitted twice, and the dead still die', async (_, shifts) => {
    const { nodes, books, lost, shift } = await jumping()
    const held = await fill(nodes[0]!, 'acme')
    const leases = [...(await books.generations()).keys()].sort()
    const ids = await books.ids('acme')
    for (const ms of shifts) {
      await shift(ms)
      for (const answer of await askFor(nodes, TIMING.ttlMs + TIMING.renewIntervalMs)) {
        expect(answer).toMatchObject({ admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 3 })
      }
    }
    expect(held.some((one) => one.lost.aborted)).toBe(false)
    expect(lost).toEqual([])
    expect([...(await books.generations()).keys()].sort()).toEqual(leases)
    expect(await books.ids('acme')).toEqual(ids)
    // A clock that only stood still would pass so far: the slots of a node that is gone become free all the same (L2).
    const diedAtMs = performance.now()
    await nodes[0]!.abandon()
    await until(async () => (await nodes[1]!.admit({ org: 'acme' })).admitted, { withinMs: 15_000 })
    expect(performance.now() - diedAtMs).toBeLessThan(TIMING.ttlMs + TIMING.renewIntervalMs * 1.1 + 2_000)
  })

  test('control: a store that believes the clock frees the slots of the living', async () => {
    const clamped = 'math.max(0, math.min(cap_ms, now - (tonumber(before[2]) or now)))'
    if (!SCRIPT.includes(clamped)) throw new Error('the script no longer holds its clock in the expected words')
    const { nodes, lost, shift } = await jumping(SCRIPT.replaceAll(clamped, '(now - (tonumber(before[2]) or now))'))
    await fill(nodes[0]!, 'acme')
    await shift(HOUR_MS)
    await until(async () => (await nodes[1]!.admit({ org: 'acme' })).admitted || lost.length > 0)
  })
})

describe('R3: wall clocks of nodes that are nonsense', () => {
  /** Two servers of one cluster, each with a wall clock of its own. */
  async function servers(clocks: readonly WallClock[]): Promise<{ nodes: ServerProcess[]; books: Books }> {
    const prefix = freshPrefix()
    const env = {
      ...LIVELY,
      REDIS_URL: sharedRedisUrl(),
      HEADCOUNT_KEY_PREFIX: prefix,
      HEADCOUNT_KEYS_FILE: writeKeys(['acme', 'globex']),
    }
    const nodes = await Promise.all(clocks.map((clock) => startServer({ env: { ...env, ...clock.env } })))
    const books = new Books(sharedRedisUrl(), prefix)
    onTestFinished(async () => {
      await Promise.all(nodes.map((node) => node.stop()))
      books.close()
    })
    return { nodes, books }
  }

  async function enter(node: ServerProcess, key: string): Promise<Accepted> {
    const result = await connectGateway(node.url, { key })
    if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
    return result
  }

  test('one lives in 1980, one in 2090; both jump by an hour while connections are open', async () => {
    const [past, future] = [new WallClock(-40 * 8_766 * HOUR_MS), new WallClock(64 * 8_766 * HOUR_MS)]
    const { nodes, books } = await servers([past, future])
    const [one, two] = nodes as [ServerProcess, ServerProcess]
    const open = [await enter(one, 'key-0'), await enter(two, 'key-0'), await enter(two, 'key-0')]
    expect(open[0]!.ack.timestamp).toMatch(/^19/)
    expect(open[1]!.ack.timestamp).toMatch(/^20[89]/)
    past.shift(-40 * 8_766 * HOUR_MS - HOUR_MS)
    future.shift(64 * 8_766 * HOUR_MS + HOUR_MS)
    for (const node of nodes) {
      // A clock that has jumped ahead may mean that the process slept: the lease counts again with the next renewal.
      await until(async () => {
        const result = await connectGateway(node.url, { key: 'key-0' })
        expect(result).toMatchObject({ status: 429, body: { currentCount: 3, maxAllowed: 3 } })
        return true
      })
      const admitted = await until(() => enter(node, 'key-1'))
      await admitted.close()
    }
    expect(open.every(({ ws }) => ws.readyState === ws.OPEN)).toBe(true)
    expect(await books.ids('acme')).toEqual(open.map(({ ack }) => ack.connectionId).sort())
    await Promise.all(open.map((connection) => connection.close()))
    for (const node of nodes) expect(node.output()).not.toContain('the lease is lost')
  })
})
