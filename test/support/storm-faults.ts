import type { Redis } from 'ioredis'
import { expect } from 'vitest'
import type { Books } from './books.js'
import { Churn } from './churn.js'
import type { Fleet } from './fleet.js'
import { connectGateway } from './gateways.js'
import { untilBooksAgree } from './open-connections.js'
import type { TcpProxy } from './tcp-proxy.js'
import { until } from './until.js'

const PATIENCE_MS = 15_000

export interface Storm {
  /** The storm lasts until so many faults were done and so many upgrades answered, however slow the machine is. */
  readonly faults: number
  readonly answers: number
  /** And at least so long. */
  readonly forMs?: number
}

/**
 * Lets gateways connect and close all over the fleet while `fault` is done again and again. Afterwards the clients must
 * have seen nothing of it (every upgrade was answered by 101 or by an honest 429, nobody was closed, no org was over its
 * limit of 3), no slot may be left over, and there must be room for exactly 3.
 */
export async function stormThrough(
  fleet: Fleet,
  orgs: readonly string[],
  { faults, answers, forMs = 0 }: Storm,
  fault: () => Promise<unknown>,
): Promise<void> {
  const keys = new Map(orgs.map((org) => [org, fleet.keyOf(org)]))
  const churn = new Churn({ urls: fleet.urls, keys, workers: 24 })
  try {
    const startMs = performance.now()
    for (let done = 0; done < faults || churn.answered < answers || performance.now() - startMs < forMs; done++) {
      await fault()
    }
  } finally {
    await churn.stop()
  }
  const said = fleet.nodes.map((node) => node.output()).join('\n')
  expect([...churn.answers.keys()].sort(), said).toEqual(['101', '429 ORG_CONNECTION_LIMIT_EXCEEDED'])
  expect(churn.clients.closedByServer).toEqual([])
  for (const org of orgs) expect(churn.clients.highest(org), `${org} open at once`).toBeLessThanOrEqual(3)
  await untilBooksAgree(fleet.books, churn.clients)
  expect(said, 'nothing was left for an audit').not.toContain('repaired')
  await expectRoomForThree(fleet, orgs)
}

/**
 * The first node has both its connections through the proxy: that for what operators ask is made at the first question,
 * and again at the first one after a fault has cut it off. Called before each test, so that none seems to leave it.
 */
export async function haveBothLines(proxy: TcpProxy, fleet: Fleet): Promise<void> {
  await until(async () => {
    await fleet.nodes[0]!.admin('/admin/v1/orgs')
    return proxy.connections === 2
  })
}

async function expectRoomForThree(fleet: Fleet, orgs: readonly string[]): Promise<void> {
  for (const org of orgs) {
    const key = fleet.keyOf(org)
    const results = await Promise.all(Array.from({ length: 9 }, (_, i) => connectGateway(fleet.urls[i % 3]!, { key })))
    const open = results.filter(({ accepted }) => accepted)
    await Promise.all(results.map((result) => result.accepted && result.close()))
    expect(open, org).toHaveLength(3)
  }
  await until(async () => (await fleet.books.total()) === 0, { withinMs: 8_000, what: 'no slot is left' })
}

/** Forgets all scripts, and comes back a tenth of a second later. */
export async function flushScripts(redis: Redis): Promise<void> {
  await redis.script('FLUSH', 'SYNC')
  await new Promise((resolve) => setTimeout(resolve, 100))
}

/** How often Redis has had to say that it does not know the script. */
export async function timesForgotten(redis: Redis): Promise<number> {
  return Number(/errorstat_NOSCRIPT:count=(\d+)/.exec(await redis.info('errorstats'))?.[1] ?? 0)
}

/**
 * Drops the Redis connection of a node behind a proxy with its bytes held back, waits until the node has said hello on
 * another one and works again, and only then delivers what it had said before. Every third time the hello of the next
 * connection is held back and dropped too, so that it comes behind that of its successor. Resolves to the late bytes.
 */
export async function speakLate(proxy: TcpProxy, books: Books, nodeName: string): Promise<number> {
  const lease = await books.leaseOf(nodeName)
  const generation = async () => (await books.generations()).get(lease) ?? 0
  const before = await generation()
  await dropMidSentence(proxy, 0)
  if (Math.random() < 1 / 3) await dropMidSentence(proxy, proxy.heldBytes)
  await until(async () => (await generation()) > before, {
    withinMs: PATIENCE_MS,
    what: 'the node has said hello again',
  })
  return proxy.deliverHeld()
}

async function dropMidSentence(proxy: TcpProxy, heldAlready: number): Promise<void> {
  proxy.hold()
  await until(() => proxy.heldBytes > heldAlready, { withinMs: PATIENCE_MS, what: 'the node says something' })
  // So that more calls than one are on their way.
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
  proxy.dropClientSideAndKeepBytes()
}

/**
 * Lets Redis do what the first node asks, cuts the connection before the node is told, and waits until the node has
 * another one that works.
 */
export async function loseAnswers(proxy: TcpProxy, { books, nodes }: Fleet): Promise<void> {
  const lease = await books.leaseOf('node-1')
  const generation = async () => (await books.generations()).get(lease) ?? 0
  const before = await generation()
  proxy.holdReplies()
  await until(() => proxy.heldReplyBytes > 0, { withinMs: PATIENCE_MS, what: 'an answer is held back' })
  proxy.cutAll()
  proxy.releaseReplies()
  await until(async () => (await generation()) > before, {
    withinMs: PATIENCE_MS,
    what: 'the node has said hello again',
  })
  const reachable = async () => (await health(nodes[0]!.adminUrl)).storeReachable
  await until(reachable, { withinMs: PATIENCE_MS, what: 'the node works again' })
}

async function health(adminUrl: string): Promise<{ storeReachable: boolean }> {
  const response = await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })
  return (await response.json()) as { storeReachable: boolean }
}
