import { expect } from 'vitest'
import type { Books } from './books.js'
import { connectGateway, type GatewayResult } from './gateways.js'
import { OpenConnections, untilBooksAgree } from './open-connections.js'
import { watch } from './watch.js'

export interface Contender {
  readonly org: string
  readonly key: string
  readonly limit: number
  /** How many upgrades in each round, all at the same instant. */
  readonly attempts: number
}

export interface Rounds {
  readonly urls: readonly string[]
  readonly books: Books
  readonly contenders: readonly Contender[]
  readonly rounds: number
}

export interface RoundsReport {
  /** The highest number of an org's slots that was ever seen in Redis. */
  readonly highestInRedis: ReadonlyMap<string, number>
  readonly looks: number
  readonly admitted: number
  readonly refused: number
}

/** What two busy cores can decide within the deadline of an upgrade; a crowd that is larger comes as fast as it can. */
const MAX_AT_ONCE = 300

/**
 * Rounds of a storm: every org's upgrades at the same instant over all nodes. In every other round connections close
 * at random moments of the storm; after each round a random part of them closes. Throws as soon as an org has fewer or
 * more than exactly its free slots, more connections open than its limit, or books that do not agree. Leaves nothing
 * open.
 */
export async function playRounds({ urls, books, contenders, rounds }: Rounds): Promise<RoundsReport> {
  const clients = new OpenConnections()
  const highestInRedis = new Map<string, number>()
  const watching = watch(async () => {
    for (const [org, ids] of await books.slots()) {
      highestInRedis.set(org, Math.max(ids.size, highestInRedis.get(org) ?? 0))
    }
  })
  let [admitted, refused] = [0, 0]
  try {
    for (let round = 0; round < rounds; round++) {
      const outcomes = await playRound(urls, contenders, clients, round % 2 === 1)
      admitted += outcomes.admitted
      refused += outcomes.refused
      await untilBooksAgree(books, clients)
      await Promise.all(clients.orgs.flatMap((org) => closeSome(clients, org, Math.random())))
      await untilBooksAgree(books, clients)
    }
    await clients.closeAll()
    await untilBooksAgree(books, clients)
  } finally {
    await clients.closeAll()
  }
  const looks = await watching.stop()
  for (const { org, limit } of contenders) {
    expect(clients.highest(org), `connections of ${org} open at once`).toBeLessThanOrEqual(limit)
    expect(highestInRedis.get(org) ?? 0, `slots of ${org} in Redis at once`).toBeLessThanOrEqual(limit)
  }
  expect(clients.closedByServer, 'connections that no client closed').toEqual([])
  return { highestInRedis, looks, admitted, refused }
}

async function playRound(
  urls: readonly string[],
  contenders: readonly Contender[],
  clients: OpenConnections,
  closing: boolean,
): Promise<{ admitted: number; refused: number }> {
  const free = new Map(contenders.map(({ org, limit }) => [org, limit - clients.count(org)]))
  const admitted = new Map<string, number>()
  const closed = new Map<string, number>()
  let refused = 0
  const settle = (contender: Contender, result: GatewayResult) => {
    const { org } = contender
    if (!result.accepted) {
      refused++
      expectFull(result, contender)
      return
    }
    clients.add(org, result)
    admitted.set(org, (admitted.get(org) ?? 0) + 1)
    if (!closing || Math.random() < 0.5) return
    const [oldest] = clients.of(org)
    if (!oldest) return
    closed.set(org, (closed.get(org) ?? 0) + 1)
    void clients.close(oldest, Math.random() < 0.5 ? 'close' : 'cut')
  }
  const attempts = shuffled(contenders.flatMap((one) => Array.from({ length: one.attempts }, () => one)))
  let next = 0
  const knock = async () => {
    for (let i = next++; i < attempts.length; i = next++) {
      const contender = attempts[i]!
      settle(contender, await connectGateway(urls[i % urls.length]!, { key: contender.key }))
    }
  }
  const results = await Promise.allSettled(Array.from({ length: MAX_AT_ONCE }, knock))
  const failed = results.find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
  // First, because it explains what else is not as expected.
  expect(clients.closedByServer, 'connections that no client closed').toEqual([])
  for (const { org, limit } of contenders) {
    const [got, room] = [admitted.get(org) ?? 0, free.get(org)!]
    expect(got, `admitted of ${org}, limit ${limit}`).toBeGreaterThanOrEqual(room)
    expect(got, `admitted of ${org}, limit ${limit}`).toBeLessThanOrEqual(room + (closed.get(org) ?? 0))
    expect(clients.highest(org), `connections of ${org} open at once`).toBeLessThanOrEqual(limit)
  }
  return { admitted: [...admitted.values()].reduce((sum, n) => sum + n, 0), refused }
}

function expectFull(
  { status, body, headers }: Extract<GatewayResult, { accepted: false }>,
  { limit }: Contender,
): void {
  expect({ status, ...body }).toMatchObject({
    ...{ status: 429, code: 'ORG_CONNECTION_LIMIT_EXCEEDED' },
    ...{ currentCount: limit, maxAllowed: limit },
  })
  expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
}

function closeSome(clients: OpenConnections, org: string, share: number): Promise<void>[] {
  return shuffled(clients.of(org))
    .filter(() => Math.random() < share)
    .map((connection) => clients.close(connection, Math.random() < 0.5 ? 'close' : 'cut'))
}

export function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
