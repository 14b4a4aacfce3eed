import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { version } from '../../src/core/version.js'
import type { Limiter } from '../../src/index.js'
import { createLimiter } from '../../src/index.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { type ServerProcess, startServer } from '../support/processes.js'
import { RawClient } from '../support/raw-client.js'
import { freshPrefix, startRedis, type TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'

const TIMES = { HEADCOUNT_LEASE_TTL: '4s', HEADCOUNT_RENEW_INTERVAL: '200ms', HEADCOUNT_STORE_TIMEOUT: '2s' }
const KEY = 'demo-key-acme'

let redis: TestRedis
let nodes: [ServerProcess, ServerProcess]
const prefix = freshPrefix()

beforeAll(async () => {
  redis = await startRedis()
  const start = (name: string) =>
    startServer({
      env: { REDIS_URL: redis.url, HEADCOUNT_KEY_PREFIX: prefix, HEADCOUNT_NODE_NAME: name, ...TIMES },
    })
  nodes = await Promise.all([start('node-a'), start('node-b')])
})

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await redis.stop()
})

/** The answer as it came, whatever its status. */
async function ask(node: ServerProcess, path: string, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${node.adminToken}`, ...init.headers }
  const response = await fetch(`${node.adminUrl}${path}`, { signal: AbortSignal.timeout(5_000), ...init, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

/** The list, page by page: one may be empty, since others write to this Redis too. */
async function pagesOf(node: ServerProcess): Promise<{ orgId: string; currentCount: number }[][]> {
  const pages = []
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const { status, body } = await ask(node, `/admin/v1/orgs?cursor=${cursor}`)
    expect(status).toBe(200)
    pages.push(body.orgs)
    cursor = body.nextCursor
  }
  return pages
}

const put = (node: ServerProcess, path: string, body: string) => ask(node, path, { method: 'PUT', body })

async function open(node: ServerProcess, instanceId?: string): Promise<Accepted> {
  const result = await connectGateway(node.url, { key: KEY, ...(instanceId !== undefined && { instanceId }) })
  if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
  onTestFinished(async () => {
    await result.close()
    await until(async () => !(await connectionIds(node)).includes(result.ack.connectionId))
  })
  return result
}

async function connectionIds(node: ServerProcess): Promise<string[]> {
  const { body } = await ask(node, '/admin/v1/orgs/acme/connections')
  return body.connections.map(({ connectionId }: { connectionId: string }) => connectionId)
}

describe('who may ask', () => {
  test.each([
    ['no credentials', undefined],
    ['a wrong token', () => 'Bearer wrong'],
    ['an empty token', () => 'Bearer '],
    ['the beginning of the token', (token: string) => `Bearer ${token.slice(0, -1)}`],
    ['the token and more', (token: string) => `Bearer ${token}x`],
    ['another scheme', (token: string) => `Basic ${Buffer.from(`admin:${token}`).toString('base64')}`],
    ['the bare token', (token: string) => token],
  ])('%s: 401 in problem details', async (_name, authorization) => {
    const headers = authorization === undefined ? {} : { authorization: authorization(nodes[0].adminToken) }
    for (const path of ['/admin/v1/orgs', '/admin/v1/nothing-here', '/admin/v1/orgs/acme/limit']) {
      const response = await fetch(`${nodes[0].adminUrl}${path}`, { headers })
      expect(response.status).toBe(401)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(response.headers.get('www-authenticate')).toContain('Bearer')
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(await response.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    }
  })

  test('the scheme in any case, with the token: 200', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const headers = { authorization: `${scheme} ${nodes[0].adminToken}` }
      expect((await ask(nodes[0], '/admin/v1/stats', { headers })).status).toBe(200)
    }
  })

  test('health, in HTTP/1.0 without a Host, as load balancers ask', async () => {
    const client = new RawClient(nodes[0].adminPort)
    client.send('GET /readyz HTTP/1.0\r\n\r\n')
    await until(() => client.ended)
    client.reset()
    expect(client.status).toBe(200)
  })

  test('a path with nothing behind it: 404 in problem details', async () => {
    const answer = await ask(nodes[0], '/admin/v1/nothing-here')
    expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND', status: 404 } })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('who holds the slots', () => {
  test('any node tells of an org the count, the limit and each connection', async () => {
    const before = Date.now()
    const one = await open(nodes[0], 'pod-1')
    const two = await open(nodes[1])
    for (const node of nodes) {
      expect((await ask(node, '/admin/v1/orgs/acme')).body).toMatchObject({
        orgId: 'acme',
        currentCount: 2,
        maxAllowed: 3,
      })
      const { body } = await ask(node, '/admin/v1/orgs/acme/connections')
      expect(body).toMatchObject({ orgId: 'acme', truncated: false })
      const byId = new Map(body.connections.map((each: { connectionId: string }) => [each.connectionId, each]))
      expect(byId.get(one.ack.connectionId)).toMatchObject({
        ...{ gateway: 'acme-gateway', instance: 'pod-1', address: '127.0.0.1', node: 'node-a' },
      })
      expect(byId.get(two.ack.connectionId)).toHaveProperty('node', 'node-b')
      expect(byId.get(two.ack.connectionId)).not.toHaveProperty('instance')
      for (const { since } of body.connections) {
        expect(Date.parse(since)).toBeGreaterThanOrEqual(before - 1_000)
        expect(Date.parse(since)).toBeLessThanOrEqual(Date.now() + 1_000)
      }
      expect(body.connections).toHaveLength(2)
    }
  })

  test('nodes and totals', async () => {
    await open(nodes[0])
    await open(nodes[1])
    await open(nodes[1])
    const { body } = await ask(nodes[0], '/admin/v1/nodes')
    const [a, b] = body.nodes.sort((x: { name: string }, y: { name: string }) => (x.name < y.name ? -1 : 1))
    expect(body.nodes).toHaveLength(2)
    expect(a).toMatchObject({ name: 'node-a', connections: 1, startedAt: expect.any(String) })
    expect(b).toMatchObject({ name: 'node-b', connections: 2, lease: expect.any(Number) })
    expect(a).toMatchObject({
      version,
      settings: { 'limits.org': 3, 'limits.tiers': 'free=3,paid=10', leaseTtlMs: 4_000 },
    })
    expect(b.leaseExpiresInMs).toBeGreaterThan(0)
    for (const { heartbeatAgeMs, leaseExpiresInMs } of body.nodes) expect(heartbeatAgeMs + leaseExpiresInMs).toBe(4_000)
    expect((await ask(nodes[1], '/admin/v1/stats')).body).toMatchObject({
      role: 'admin',
      node: { name: 'node-b', phase: 'running', connections: 2, storeReachable: true, recoveryMs: 0 },
      store: redis.url,
      cluster: { nodes: 2, connections: 3 },
    })
  })

  test('an org that nobody has heard of holds nothing', async () => {
    expect((await ask(nodes[0], '/admin/v1/orgs/nobody')).body).toEqual({
      ...{ orgId: 'nobody', currentCount: 0, maxAllowed: 3, limitFrom: 'default' },
      ...{ tier: null, override: null, assignedTier: null },
    })
    expect((await ask(nodes[0], '/admin/v1/orgs/nobody/connections')).body.connections).toEqual([])
  })

  test('ids in paths are percent-encoded; sound ones are answered, others get 400', async () => {
    for (const org of ['a/b?c#d%', '{1}:org:x', '组织 🏢', '__proto__', 'line\r\nbreak']) {
      const { body } = await ask(nodes[0], `/admin/v1/orgs/${encodeURIComponent(org)}`)
      expect(body).toMatchObject({ orgId: org, currentCount: 0, maxAllowed: 3 })
    }
    const tooLong = 'x'.repeat(257)
    for (const path of [`orgs/${tooLong}`, `orgs/${tooLong}/connections`]) {
      expect(await ask(nodes[0], `/admin/v1/${path}`)).toMatchObject({ status: 400, body: { code: 'INVALID_ORG' } })
    }
  })

  test('all of very many orgs, page by page, each complete', async () => {
    const limiter = await ready(createLimiter({ redis: redis.url, keyPrefix: prefix, ...SHORT }))
    const orgs = Array.from({ length: 1_200 }, (_, i) => `many-${i}`)
    for (let from = 0; from < orgs.length; from += 200) {
      const asked = orgs.slice(from, from + 200).map((org) => limiter.admit({ org }))
      for (const { admitted } of await Promise.all(asked)) expect(admitted).toBe(true)
    }
    const pages = await pagesOf(nodes[0])
    const seen = new Map(pages.flat().map(({ orgId, currentCount }) => [orgId, currentCount]))
    expect(orgs.filter((org) => seen.get(org) !== 1)).toEqual([])
    expect(pages.length).toBeGreaterThan(1)
    expect((await limiter.allOrgStats()).filter(({ orgId }) => orgId.startsWith('many-'))).toHaveLength(1_200)
  })

  test.each(['x', '-1', '1e3', '9'.repeat(30), '9'.repeat(20), 'o18446744073709551616'])(
    'a cursor that no page gave (%s): 400',
    async (cursor) => {
      const answer = await ask(nodes[0], `/admin/v1/orgs?cursor=${cursor}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_CURSOR' } })
    },
  )
})

const SHORT = { leaseTtlMs: 4_000, renewIntervalMs: 200, storeTimeoutMs: 2_000 }

async function ready(limiter: Limiter): Promise<Limiter> {
  onTestFinished(() => limiter.drain({ withinMs: 100 }))
  await limiter.ready()
  return limiter
}

describe('an override of the operator', () => {
  test('binds the very next admission, on another node too, until it is taken back', async () => {
    const [here, there] = nodes
    onTestFinished(async () => void (await ask(here, '/admin/v1/orgs/acme/limit', { method: 'DELETE' })))
    const path = '/admin/v1/orgs/acme/limit'
    expect((await put(here, path, '{"limit":1}')).body).toMatchObject({ orgId: 'acme', currentCount: 0, maxAllowed: 1 })
    await open(there)
    const refused = await connectGateway(there.url, { key: KEY })
    expect(refused).toMatchObject({ accepted: false, status: 429, body: { currentCount: 1, maxAllowed: 1 } })
    expect((await put(here, path, '{"limit":"unlimited"}')).body).toMatchObject({ maxAllowed: 'unlimited' })
    for (let n = 0; n < 4; n++) await open(there)
    expect((await pagesOf(here)).flat()).toContainEqual({
      ...{ orgId: 'acme', currentCount: 5, maxAllowed: 'unlimited' },
    })
    expect((await ask(here, path, { method: 'DELETE' })).body).toMatchObject({ currentCount: 5, maxAllowed: 3 })
    expect(await connectGateway(there.url, { key: KEY })).toMatchObject({ accepted: false, status: 429 })
  })

  test('0 shuts an org out, and it is listed although it holds nothing', async () => {
    onTestFinished(async () => void (await ask(nodes[0], '/admin/v1/orgs/shut/limit', { method: 'DELETE' })))
    expect((await put(nodes[0], '/admin/v1/orgs/shut/limit', '{"limit":0}')).status).toBe(200)
    expect((await pagesOf(nodes[1])).flat()).toContainEqual({
      ...{ orgId: 'shut', currentCount: 0, maxAllowed: 0 },
    })
  })

  test.each([
    ...['', '{', '[]', 'null', '3', '{}', '{"limit":null}', '{"limit":-1}', '{"limit":1.5}'],
    ...['{"limit":"3"}', '{"limit":1e99}', '{"limit":true}', '{"limit":[3]}'],
    ...[
      '{"limit":7,"tier":"paid"}',
      '{"tier":7}',
      '{"limit":7,"for":"7"}',
      '{"limit":7,"for":"0s"}',
      '{"limit":7,"x":1}',
    ],
    ...['{"limit":7,"expiresAt":"2020-01-01T00:00:00Z"}', '{"limit":7,"expiresAt":"soon"}'],
    `{"limit":7,"pad":"${'x'.repeat(5_000)}"}`,
  ])('a body of %j: 400, and nothing is changed', async (body) => {
    const answer = await put(nodes[0], '/admin/v1/orgs/acme/limit', body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_LIMIT' } })
    expect((await ask(nodes[0], '/admin/v1/orgs/acme')).body.maxAllowed).toBe(3)
  })

  test('of an id that can never be valid: 400', async () => {
    const path = `/admin/v1/orgs/${'x'.repeat(257)}/limit`
    expect(await put(nodes[0], path, '{"limit":1}')).toMatchObject({ status: 400, body: { code: 'INVALID_ORG' } })
    const answer = await ask(nodes[0], path, { method: 'DELETE' })
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_ORG' } })
  })
})
