import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Fleet, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway, type Refused } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

const FULL = 'ORG_CONNECTION_LIMIT_EXCEEDED'
const STRANGE = 'line\r\nbreak <b>'

interface Page {
  readonly refusals: readonly Record<string, unknown>[]
  readonly nextCursor: string | null
  readonly of: string
}

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ count: 2, orgs: ['acme', 'globex', STRANGE], env: { WS_MAX_CONNECTIONS_PER_ORG: '1' } })
})
afterAll(() => fleet?.stop())

const find = (node: number, query: string) => fleet.nodes[node]!.admin<Page>(`/admin/v1/refusals?${query}`)

async function open(node: number, org: string): Promise<Accepted> {
  const result = await connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org) })
  if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
  onTestFinished(async () => void (await result.close()))
  return result
}

async function beRefused(node: number, org: string): Promise<Refused> {
  const result = await connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org) })
  if (result.accepted) throw new Error('accepted')
  return result
}

const requestIdOf = ({ body }: Refused) => String(body.instance).replace('urn:uuid:', '')

describe('why was my gateway refused', () => {
  test.each(['acme', STRANGE])('any node tells by the request id, with who held the slots: %j', async (org) => {
    const holder = await open(0, org)
    const refused = await beRefused(0, org)
    const requestId = requestIdOf(refused)
    for (const node of [0, 1]) {
      const page = await until(async () => {
        const found = await find(node, `requestId=${requestId}`)
        return found.refusals[0]?.holders ? found : undefined
      })
      expect(page.refusals).toEqual([
        {
          ...{ at: expect.any(String), node: 'node-1', kind: 'refused', code: FULL, requestId },
          ...{ orgId: org, gatewayId: expect.any(String), address: '127.0.0.1', currentCount: 1, maxAllowed: 1 },
          retryAfterSeconds: Number(refused.headers['retry-after']),
          holders: [expect.objectContaining({ connectionId: holder.ack.connectionId })],
        },
      ])
    }
    const { refusals } = await find(1, `org=${encodeURIComponent(org)}`)
    expect(refusals.map(({ requestId }) => requestId)).toEqual([requestId])
    // As it stands in the client's log.
    const asTold = await find(1, `requestId=${refused.body.instance}`)
    expect(asTold.refusals.map(({ requestId }) => requestId)).toEqual([requestId])
  })

  test('a connection that an operator closed is told by its id', async () => {
    const closed = await open(0, 'globex')
    const { connectionId } = closed.ack
    await fleet.nodes[1]!.admin(`/admin/v1/connections/${connectionId}`, { method: 'DELETE' })
    await closed.closed
    const { refusals } = await until(async () => {
      const found = await find(1, `requestId=${connectionId}`)
      return found.refusals.length > 0 && found
    })
    expect(refusals).toMatchObject([{ kind: 'closed', code: 'EVICTED', orgId: 'globex', node: 'node-1' }])
  })

  test('page by page', async () => {
    const ids = new Set<string>()
    await open(1, 'globex')
    for (let n = 0; n < 5; n++) ids.add(requestIdOf(await beRefused(n % 2, 'globex')))
    await until(
      async () => (await find(0, 'org=globex')).refusals.filter(({ kind }) => kind === 'refused').length === 5,
    )
    const seen: unknown[] = []
    let query: string | undefined = 'org=globex&limit=2'
    while (query !== undefined) {
      const page: Page = await find(0, query)
      expect(page.refusals.length).toBeLessThanOrEqual(2)
      seen.push(...page.refusals.map(({ requestId }) => requestId))
      query = page.nextCursor === null ? undefined : `org=globex&limit=2&cursor=${page.nextCursor}`
    }
    expect(new Set(seen.filter(Boolean))).toEqual(ids)
  })

  test.each([
    ['limit=0', 'INVALID_QUERY'],
    ['limit=1001', 'INVALID_QUERY'],
    ['limit=x', 'INVALID_QUERY'],
    ['cursor=1', 'INVALID_CURSOR'],
    ['cursor=-', 'INVALID_CURSOR'],
    [`org=${'x'.repeat(257)}`, 'INVALID_ORG'],
  ])('%s: 400 %s', async (query, code) => {
    const { adminUrl, adminToken } = fleet.nodes[0]!
    const headers = { authorization: `Bearer ${adminToken}` }
    const response = await fetch(`${adminUrl}/admin/v1/refusals?${query}`, { headers })
    expect([response.status, await response.json()]).toMatchObject([400, { code }])
  })
})

test('R2: while the store is away a node tells what it refused itself, and the cluster hears of it afterwards', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const own = await startFleet({ count: 2, redis, env: { HEADCOUNT_STORE_TIMEOUT: '500ms' } })
  onTestFinished(() => own.stop())
  await redis.pause()
  const refused = await connectGateway(own.urls[0]!, { key: own.keyOf('acme') })
  if (refused.accepted) throw new Error('accepted')
  expect(refused.body).toMatchObject({ code: 'STORE_UNAVAILABLE' })
  const page = await own.nodes[0]!.admin<Page>('/admin/v1/refusals')
  expect(page).toMatchObject({ of: 'node', refusals: [{ requestId: requestIdOf(refused), code: 'STORE_UNAVAILABLE' }] })
  await redis.resume()
  await until(
    async () => (await own.nodes[1]!.admin<Page>(`/admin/v1/refusals?requestId=${requestIdOf(refused)}`)).refusals[0],
    { withinMs: 15_000 },
  )
})
