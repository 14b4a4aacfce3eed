import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Fleet, LIVELY, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { GoGateway, OPCODES } from '../support/go-gateway.js'
import { leakGate } from '../support/leak-gate.js'
import { until } from '../support/until.js'

leakGate()

const RENEW_INTERVAL_MS = Number.parseInt(LIVELY.HEADCOUNT_RENEW_INTERVAL, 10)
/** R and a second, with the jitter of R; a machine that tests keep busy may be as late again. */
const PROMPT_MS = 2 * (1.1 * RENEW_INTERVAL_MS + 1_000)

describe('an operator closes connections of another node', () => {
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet({ count: 2 })
  })
  afterAll(() => fleet?.stop())

  async function open(node: number, org = 'acme'): Promise<Accepted> {
    const result = await connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org) })
    if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
    onTestFinished(async () => void (await result.close()))
    return result
  }

  /** Asks the first node; the connections are on the second. */
  async function evict(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const { adminUrl, adminToken } = fleet.nodes[0]!
    const headers = { authorization: `Bearer ${adminToken}` }
    const response = await fetch(`${adminUrl}/admin/v1${path}`, { method: 'DELETE', headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  const count = async (org: string) =>
    (await fleet.nodes[0]!.admin<{ currentCount: number }>(`/admin/v1/orgs/${org}`)).currentCount

  const limit = (init: RequestInit) =>
    fleet.nodes[0]!.admin('/admin/v1/orgs/acme/limit', { headers: { 'content-type': 'application/json' }, ...init })

  const noOrders = async () => !(await fleet.books.names()).some((name) => name.includes(':orders:'))

  test('one of them: 4409 within R + 1 s, its slot free, the others untouched, no order left (L1, L5)', async () => {
    const [target, other] = [await open(1), await open(1)]
    const { connectionId } = target.ack
    const startMs = performance.now()
    expect(await evict(`/connections/${connectionId}?reason=noisy`)).toEqual({
      ...{ status: 202, body: { connectionId, ordered: 1, leaving: 0 } },
    })
    expect(await target.closed).toEqual({ code: 4409, reason: 'closed by an operator, reconnect' })
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS)
    await until(async () => (await count('acme')) === 1)
    expect(other.ws.readyState).toBe(other.ws.OPEN)
    await until(noOrders)
    expect(await evict(`/connections/${connectionId}`)).toMatchObject({
      status: 404,
      body: { code: 'CONNECTION_NOT_FOUND' },
    })
  })

  test('all of an org, on whatever node, and of no other', async () => {
    const held = [await open(0), await open(1), await open(1)]
    const other = await open(1, 'globex')
    expect(await evict('/orgs/acme/connections')).toEqual({
      ...{ status: 202, body: { orgId: 'acme', ordered: 3, leaving: 0, truncated: false } },
    })
    expect((await Promise.all(held.map(({ closed }) => closed))).map(({ code }) => code)).toEqual([4409, 4409, 4409])
    await until(async () => (await count('acme')) === 0)
    expect(other.ws.readyState).toBe(other.ws.OPEN)
    await until(noOrders)
    expect(await evict('/orgs/acme/connections')).toMatchObject({ status: 202, body: { ordered: 0 } })
  })

  test('a gateway of WSO2 is told so and connects again', async () => {
    const first = new GoGateway(fleet.nodes[1]!.port, { key: fleet.keyOf('acme') })
    await until(() => first.frames.length > 0)
    const { connectionId } = JSON.parse(first.frames[0]!.payload.toString())
    expect((await evict(`/connections/${connectionId}`)).status).toBe(202)
    await first.client.closed
    expect(first.received(OPCODES.close)[0]!.payload.readUInt16BE(0)).toBe(4409)
    const second = new GoGateway(fleet.nodes[1]!.port, { key: fleet.keyOf('acme') })
    await until(() => second.frames.length > 0)
    expect(JSON.parse(second.frames[0]!.payload.toString()).connectionId).not.toBe(connectionId)
    second.client.reset()
    await until(async () => (await count('acme')) === 0)
  })

  test('S1: a lowered limit with onLowered newest closes exactly the surplus, whoever is asked', async () => {
    const oldest = await open(1)
    const [second, third] = [await open(0), await open(1)]
    onTestFinished(async () => void (await limit({ method: 'DELETE' })))
    const body = JSON.stringify({ limit: 1, onLowered: 'newest' })
    expect(await limit({ method: 'PUT', body })).toMatchObject({ maxAllowed: 1 })
    expect([await second.closed, await third.closed].map(({ code }) => code)).toEqual([4429, 4429])
    await until(async () => (await count('acme')) === 1)
    await until(noOrders)
    expect(oldest.ws.readyState).toBe(oldest.ws.OPEN)
    await expect(limit({ method: 'PUT', body: '{"limit":2,"onLowered":"all"}' })).rejects.toThrow('400')
  })

  test.each([
    ['/connections/nobody-1', 404, 'CONNECTION_NOT_FOUND'],
    [`/connections/a-1?reason=${'x'.repeat(257)}`, 400, 'INVALID_REASON'],
    ['/orgs/acme/connections?reason=', 400, 'INVALID_REASON'],
    [`/orgs/${'x'.repeat(257)}/connections`, 400, 'INVALID_ORG'],
  ])('DELETE %s: %i %s', async (path, status, code) => {
    expect(await evict(path)).toMatchObject({ status, body: { code } })
  })
})
