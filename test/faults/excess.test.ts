import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import type { Limiter, LimiterOptions, NodeEvents } from '../../src/index.js'
import { SHORT } from '../support/cluster.js'
import { useLimiters } from '../support/limiters.js'
import { until } from '../support/until.js'

const limiters = useLimiters()

const start = (count: number, policies: LimiterOptions['policies'] = {}): Promise<Limiter[]> =>
  limiters.start(count, {
    policies,
    storeTimeoutMs: 500,
    leaseTtlMs: 4_000,
    renewIntervalMs: SHORT.renewIntervalMs,
  })

/** Connections one after another, from node to node, so that the order of their ages is known. */
async function open(nodes: readonly Limiter[], count: number, limit = 100): Promise<Admitted[]> {
  const opened: Admitted[] = []
  for (let n = 0; n < count; n++) {
    const admission = await nodes[n % nodes.length]!.admit({ org: 'acme', limit })
    if (!admission.admitted) throw new Error(admission.code)
    // As a socket does: the slot is given back when it has closed, some time after it was told to.
    admission.lost.addEventListener('abort', () => void setTimeout(() => admission.release(), 50))
    opened.push(admission)
    const openedAtMs = Date.now()
    await until(() => Date.now() > openedAtMs)
  }
  return opened
}

const reasons = (held: readonly Admitted[]) => held.map(({ lost }) => lost.reason as unknown)
const count = async (limiter: Limiter) => (await limiter.orgStats('acme')).currentCount

/** Some renewals later: what would have been closed too much is closed by now. */
async function calm(limiter: Limiter): Promise<void> {
  let renewals = 0
  const stop = limiter.on('lease.renewed', () => renewals++)
  await until(() => renewals >= 5)
  stop()
}

function overLimits(limiter: Limiter): NodeEvents['org.over_limit'][] {
  const seen: NodeEvents['org.over_limit'][] = []
  limiter.on('org.over_limit', (event) => seen.push(event))
  return seen
}

describe('a limit that is lowered below what an org holds', () => {
  it.each([
    ['newest', [...Array(4).fill(undefined), ...Array(8).fill('OVER_LIMIT')]],
    ['oldest', [...Array(8).fill('OVER_LIMIT'), ...Array(4).fill(undefined)]],
  ] as const)('S1: with %s exactly the surplus is closed, on whatever node, once', async (onLowered, expected) => {
    const nodes = await start(3)
    const held = await open(nodes, 12)
    await nodes[1]!.setLimit('acme', 4, { onLowered })
    await until(async () => (await count(nodes[0]!)) === 4)
    await calm(nodes[0]!)
    expect(reasons(held)).toEqual(expected)
    expect(await nodes[2]!.admit({ org: 'acme' })).toMatchObject({ admitted: false, currentCount: 4, maxAllowed: 4 })
  })

  it('S1: several nodes that act at once close none too many', async () => {
    const nodes = await start(3, { onLimitLowered: 'newest' })
    const held = await open(nodes, 12)
    await Promise.all(nodes.map((node, n) => node.setLimit('acme', 5, n === 1 ? { onLowered: 'oldest' } : {})))
    await until(async () => (await count(nodes[0]!)) === 5)
    await calm(nodes[0]!)
    expect(reasons(held).filter((reason) => reason === 'OVER_LIMIT')).toHaveLength(7)
    expect(await count(nodes[0]!)).toBe(5)
  })

  it('by default closes nobody; the excess is told, and shown until it is gone', async () => {
    const [node] = (await start(1)) as [Limiter]
    const seen = overLimits(node)
    const held = await open([node], 3)
    await node.setLimit('acme', 1)
    await node.setLimit('acme', 1)
    expect(seen).toEqual([{ org: 'acme', currentCount: 3, maxAllowed: 1 }])
    expect(await node.orgStats('acme')).toEqual({ orgId: 'acme', currentCount: 3, maxAllowed: 1, excess: 2 })
    for (const one of held.slice(1)) one.release()
    await until(async () => (await count(node)) === 1)
    expect(await node.orgStats('acme')).toEqual({ orgId: 'acme', currentCount: 1, maxAllowed: 1 })
    expect(reasons(held)).toEqual([undefined, undefined, undefined])
  })

  it('what was said with the limit holds for every node as long as the limit stands, a lost store included', async () => {
    const nodes = await start(2, { onLimitLowered: 'newest' })
    const held = await open(nodes, 4)
    await nodes[0]!.setLimit('acme', 2, { onLowered: 'keep' })
    await calm(nodes[1]!)
    const client = new Redis(limiters.redis.url)
    await client.flushall()
    client.disconnect()
    const restored = nodes.map((node) => new Promise((resolve) => node.on('connections.reasserted', resolve)))
    await Promise.all(restored)
    await until(async () => (await nodes[1]!.orgStats('acme')).excess === 2, { withinMs: 20_000 })
    await Promise.all(nodes.map(calm))
    expect(reasons(held)).toEqual(Array(4).fill(undefined))
    await nodes[1]!.setLimit('acme', 2)
    await until(async () => (await count(nodes[0]!)) === 2)
  })

  it('a policy that is none is refused, and the limit stays', async () => {
    const [node] = (await start(1)) as [Limiter]
    const setting = node.setLimit('acme', 1, { onLowered: 'all' as never })
    await expect(setting).rejects.toMatchObject({ code: 'INVALID_TERMS' })
    expect((await node.orgStats('acme')).maxAllowed).toBe(3)
  })
})

describe('nodes that know different limits of an org, as while a tier is raised (S1)', () => {
  it('do not close what one of them has admitted, nor call it an excess', async () => {
    const nodes = (await start(2, { onLimitLowered: 'newest' })) as [Limiter, Limiter]
    const told = nodes.map(overLimits)
    const held = [...(await open([nodes[0]], 3, 3)), ...(await open([nodes[1]], 5, 10))]
    expect(await nodes[0].admit({ org: 'acme', limit: 3 })).toMatchObject({ admitted: false, currentCount: 8 })
    // Has both look at the org now, as they do in turn.
    for (const node of nodes) await node.setLimit('acme', undefined)
    await calm(nodes[0])
    expect([reasons(held), told]).toEqual([Array(8).fill(undefined), [[], []]])

    // The control: what an operator sets is the limit on either.
    await nodes[0].setLimit('acme', 7)
    await until(async () => (await count(nodes[0])) === 7)
    expect(reasons(held)).toEqual([...Array(7).fill(undefined), 'OVER_LIMIT'])
    expect(told[0]).toEqual([{ org: 'acme', currentCount: 8, maxAllowed: 7 }])
  })
})

describe('an org that is told to the store with more than it may hold (R1, R2, R4)', () => {
  /** Both nodes fill the org while the store is away: what they admitted is debt, and kept whatever the limit. */
  async function twiceTheLimit(policies: LimiterOptions['policies']) {
    const nodes = (await start(2, { onStoreDown: 'allow', ...policies })) as [Limiter, Limiter]
    const told = nodes.map(overLimits)
    const before = await open([nodes[0]], 2, 2)
    await limiters.redis.pause()
    await until(() => nodes.every((node) => !node.storeReachable))
    const after = await open(nodes, 4, 2)
    await limiters.redis.resume()
    await until(() => nodes.every((node) => node.storeReachable))
    return { nodes, held: [...before, ...after], told }
  }

  it('is told of once a change, and by default nobody is closed', async () => {
    const { nodes, held, told } = await twiceTheLimit({})
    await until(() => told.flat().some(({ currentCount }) => currentCount === 6))
    await calm(nodes[0])
    for (const events of told) expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(events.length)
    expect(reasons(held)).toEqual(Array(6).fill(undefined))
    expect(await nodes[0].orgStats('acme', { limit: 2 })).toMatchObject({ currentCount: 6, excess: 4 })
  })

  it('with newest exactly the surplus is closed, although both nodes see it', async () => {
    const { nodes, held } = await twiceTheLimit({ onLimitLowered: 'newest' })
    await until(async () => (await count(nodes[0])) === 2)
    await calm(nodes[0])
    expect(reasons(held).filter((reason) => reason === undefined)).toHaveLength(2)
    expect(await count(nodes[0])).toBe(2)
  })
})
