import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, LIVELY, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import type { ServerProcess } from '../support/processes.js'
import { until } from '../support/until.js'

const ORGS = ['acme', 'tiered', 'brief', 'idle', 'moving']

interface Limits {
  readonly maxAllowed: number
  readonly limitFrom: string
  readonly tier: string | null
  readonly override: Record<string, unknown> | null
}

let fleet: Fleet

beforeAll(async () => {
  const env = { ...LIVELY, HEADCOUNT_TIERS: 'free=1,paid=4', HEADCOUNT_LOG_LEVEL: 'info' }
  fleet = await startFleet({ count: 2, orgs: ORGS, env })
})
afterAll(() => fleet?.stop())
leakGate()

const put = (node: ServerProcess, org: string, body: object) =>
  node.admin<Limits>(`/admin/v1/orgs/${org}/limit`, { method: 'PUT', body: JSON.stringify(body) })
const show = (node: ServerProcess, org: string) => node.admin<Limits>(`/admin/v1/orgs/${org}`)

/** Opens as many connections of an org as are admitted, up to `most`; closes them again, and says how many. */
async function room(url: string, org: string, most: number): Promise<number> {
  const results = await Promise.all(Array.from({ length: most }, () => connectGateway(url, { key: fleet.keyOf(org) })))
  const open = results.filter((result): result is Accepted => result.accepted)
  await Promise.all(open.map((connection) => connection.close()))
  await until(async () => ((await fleet.books.slots()).get(org)?.size ?? 0) === 0, { what: 'the slots are given back' })
  return open.length
}

describe('what operators set, with two nodes on one Redis', () => {
  test('S1: set on one node it binds on the other at once, and is shown with its terms on both', async () => {
    const [one, two] = fleet.nodes as [ServerProcess, ServerProcess]
    await put(one, 'acme', { limit: 2, note: 'why', by: 'kim' })
    expect(await room(two.url, 'acme', 5)).toBe(2)
    expect(await show(two, 'acme')).toMatchObject({
      ...{ maxAllowed: 2, limitFrom: 'override', tier: null },
      override: { limit: 2, note: 'why', by: 'kim', setAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    })
    await put(two, 'tiered', { tier: 'paid' })
    expect(await room(one.url, 'tiered', 6)).toBe(4)
    expect(await show(one, 'tiered')).toMatchObject({ maxAllowed: 4, limitFrom: 'tier', tier: 'paid', override: null })
    await expect(put(one, 'tiered', { tier: 'gold' })).rejects.toThrow('UNKNOWN_TIER')
    // The log is written in the background.
    await until(() => /"audit":true.*"org":"acme".*"limit":2.*"by":"kim"/.test(one.output()))
  })

  test('an override ends by itself, and the tier beneath it is in force again', async () => {
    const [one, two] = fleet.nodes as [ServerProcess, ServerProcess]
    await put(one, 'brief', { tier: 'free' })
    const { override } = await put(one, 'brief', { limit: 9, for: '2s' })
    expect(Date.parse(String(override?.expiresAt)) - Date.parse(String(override?.setAt))).toBe(2_000)
    expect(await room(two.url, 'brief', 5)).toBe(5)
    await until(async () => (await show(two, 'brief')).limitFrom === 'tier', { what: 'the override has ended' })
    expect(await room(two.url, 'brief', 5)).toBe(1)
    await until(() =>
      fleet.nodes.every((node) => /"audit":true.*a limit set by an operator has expired/.test(node.output())),
    )
  })

  test('R1: after FLUSHALL all is back when admissions resume, and what was cleared is not', async () => {
    const [one, two] = fleet.nodes as [ServerProcess, ServerProcess]
    await put(one, 'acme', { limit: 2, note: 'kept' })
    await put(two, 'tiered', { tier: 'paid' })
    await put(two, 'idle', { limit: 0 })
    await put(two, 'moving', { limit: 7 })
    await one.admin('/admin/v1/orgs/moving/limit?by=kim&note=over', { method: 'DELETE' })
    await until(() => /"audit":true.*"org":"moving".*"note":"over","by":"kim"/.test(one.output()))
    const before = await fleet.books.generations()
    // Both nodes have heard of all that was set: a renewal each is enough.
    await bothHaveRenewedTwice()
    await fleet.books.redis.flushall()
    await until(async () => {
      const now = await fleet.books.generations()
      return now.size === 2 && [...now.keys()].every((lease) => !before.has(lease))
    })
    // Nobody holds a connection: recovery has waited for the nodes' memory alone.
    const first = await until(async () => {
      const result = await connectGateway(two.url, { key: fleet.keyOf('idle') })
      return !result.accepted && result.body.code !== 'RECOVERING' && result
    })
    expect(first.body).toMatchObject({ code: 'ORG_CONNECTION_LIMIT_EXCEEDED', maxAllowed: 0 })
    expect(await show(one, 'acme')).toMatchObject({ maxAllowed: 2, override: { note: 'kept' } })
    expect(await show(one, 'tiered')).toMatchObject({ maxAllowed: 4, tier: 'paid' })
    expect(await show(one, 'moving')).toMatchObject({ maxAllowed: 3, limitFrom: 'default' })
    expect(await room(one.url, 'acme', 4)).toBe(2)
  })
})

/** Two renew intervals and their jitter have passed on Redis's own clock. */
async function bothHaveRenewedTwice(): Promise<void> {
  const clock = async () => Number(await fleet.books.redis.hget(fleet.books.keys.meta, 'clock'))
  const from = await clock()
  await until(async () => (await clock()) - from > 1_200)
}
