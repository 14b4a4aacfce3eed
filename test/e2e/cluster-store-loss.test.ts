import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Fleet, MORTAL, startFleet } from '../support/fleet.js'
import { connectGateway, type GatewayResult } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { OpenConnections, untilBooksAgree } from '../support/open-connections.js'
import { until } from '../support/until.js'
import { watch } from '../support/watch.js'

leakGate()

let fleet: Fleet
let clients: OpenConnections

/** `acme` is full with one connection on each node, `globex` holds two of its three slots on the first. */
beforeEach(async () => {
  fleet = await startFleet({ orgs: ['acme', 'globex'], env: { ...MORTAL, HEADCOUNT_STORE_TIMEOUT: '400ms' } })
  clients = new OpenConnections()
  for (const [node, org] of [0, 1, 2].map((n) => [n, 'acme'] as const)) await enter(node, org)
  for (const org of ['globex', 'globex']) await enter(0, org)
  await untilBooksAgree(fleet.books, clients)
})
afterEach(async () => {
  await clients?.closeAll()
  await fleet?.stop()
})

function knock(node: number, org: string): Promise<GatewayResult> {
  return connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org) })
}

/** Comes in as a gateway does: a busy machine may answer late, and then it is asked again. */
async function enter(node: number, org: string): Promise<void> {
  const result = await until(async () => {
    const answer = await knock(node, org)
    if (!answer.accepted) expect(answer.body.code).toBe('STORE_UNAVAILABLE')
    return answer.accepted && answer
  })
  clients.add(org, result)
}

/** What a client hears who knocks again and again, with how long the slowest answer took. */
class Knocking {
  readonly heard = new Set<string>()
  readonly retryAfters: number[] = []
  slowestMs = 0
  /** The last answer of each node. */
  readonly #last: string[] = ['', '', '']
  #turn = 0
  readonly #watch = watch(() => this.#knock())

  async #knock(): Promise<void> {
    const startMs = performance.now()
    // Knocks for the full org only: an answer of 101 would be one too many.
    const node = this.#turn++ % 3
    const result = await knock(node, 'acme')
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs)
    const answer = result.accepted ? '101' : String(result.body.code)
    if (!result.accepted) this.retryAfters.push(Number(result.headers['retry-after']))
    else result.terminate()
    this.heard.add(answer)
    this.#last[node] = answer
  }

  everyNodeSays(answer: string): boolean {
    return this.#last.every((one) => one === answer)
  }

  stop(): Promise<number> {
    return this.#watch.stop()
  }
}

const FULL = 'ORG_CONNECTION_LIMIT_EXCEEDED'

/** The full org is full again for everybody, and the other one has exactly the slots that are free. */
async function theLimitsHold(): Promise<void> {
  for (const node of [0, 1, 2]) {
    await until(async () => {
      const result = await knock(node, 'acme')
      expect(result).toMatchObject({ status: 429, body: { code: FULL, currentCount: 3, maxAllowed: 3 } })
      return true
    })
  }
  await until(async () => {
    const results = await Promise.all(Array.from({ length: 9 }, (_, i) => knock(i % 3, 'globex')))
    for (const result of results) if (result.accepted) clients.add('globex', result)
    return results.every((result) => !result.accepted && result.body.code === FULL)
  })
  expect(clients.highest('globex')).toBe(3)
  expect(clients.count('globex')).toBe(3)
  await untilBooksAgree(fleet.books, clients)
}

describe('R1: Redis loses its memory while connections are open', () => {
  test.each([
    ['FLUSHALL', () => fleet.books.redis.flushall()],
    [
      'a restart without data',
      async (knocking: Knocking) => {
        await fleet.redis.kill()
        await until(() => knocking.heard.has('STORE_UNAVAILABLE'))
        await fleet.redis.restart()
      },
    ],
  ])('%s: nobody is closed, the sets are built anew, admissions wait and then go on', async (_, loseMemory) => {
    const before = await fleet.books.generations()
    const knocking = new Knocking()
    await until(() => knocking.everyNodeSays(FULL))
    await loseMemory(knocking)
    const lostAtMs = performance.now()
    await until(() => knocking.heard.has('RECOVERING'), { what: 'admissions wait' })
    await until(() => knocking.everyNodeSays(FULL), { withinMs: 8_000, what: 'admissions are decided again' })
    const recoveredAfterMs = performance.now() - lostAtMs
    await knocking.stop()

    // Never 101, which would be one too many, and never a word that blames the client.
    const honest = [FULL, 'RECOVERING', 'STORE_UNAVAILABLE']
    expect([...knocking.heard].filter((word) => !honest.includes(word))).toEqual([])
    expect(knocking.slowestMs).toBeLessThan(1_000)
    expect(Math.min(...knocking.retryAfters)).toBeGreaterThanOrEqual(1)
    // Two renew intervals from the first hello, so that every node has had its chance to tell of its connections.
    expect(recoveredAfterMs).toBeGreaterThan(900)
    await untilBooksAgree(fleet.books, clients)
    expect(clients.closedByServer).toEqual([])
    await theLimitsHold()
    const after = await fleet.books.generations()
    expect(after.size).toBe(3)
    expect(
      [...after.keys()].filter((lease) => before.has(lease)),
      'no lease outlives its epoch',
    ).toEqual([])
  })
})

describe('R2: Redis is away', () => {
  test('frozen for longer than a lease: connections stay, refusals come fast, and nobody loses the lease', async () => {
    const before = await fleet.books.generations()
    await fleet.redis.pause()
    const knocking = new Knocking()
    const frozenAtMs = performance.now()
    await until(() => knocking.heard.has('STORE_UNAVAILABLE'))
    // Two slots are given back while nobody can be told.
    await Promise.all(clients.of('globex').map((connection, i) => clients.close(connection, i ? 'close' : 'cut')))
    await until(() => performance.now() - frozenAtMs > 4_000)
    expect([...knocking.heard]).toEqual(['STORE_UNAVAILABLE'])
    await fleet.redis.resume()
    await until(() => knocking.everyNodeSays(FULL), { what: 'admissions are decided again' })
    const knocks = await knocking.stop()

    // A freeze is no loss of memory: nothing has to be recovered.
    expect([...knocking.heard]).toEqual(['STORE_UNAVAILABLE', FULL])
    expect(knocks).toBeGreaterThan(10)
    expect(knocking.slowestMs).toBeLessThan(1_000)
    expect(clients.closedByServer).toEqual([])
    await untilBooksAgree(fleet.books, clients)
    expect([...(await fleet.books.generations()).keys()].sort()).toEqual([...before.keys()].sort())
    for (const node of fleet.nodes) expect(node.output()).not.toContain('the lease is lost')
    await enter(1, 'globex')
    await enter(2, 'globex')
    await theLimitsHold()
  })
})
