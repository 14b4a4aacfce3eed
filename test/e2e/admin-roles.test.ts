import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { type ServerProcess, startServer } from '../support/processes.js'
import { RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

const READ_TOKEN = 'only-looking'
const LIMIT = '/admin/v1/orgs/acme/limit'

let node: ServerProcess

beforeAll(async () => {
  node = await startServer({ env: { ADMIN_READ_TOKEN: READ_TOKEN, HEADCOUNT_TRUSTED_PROXIES: '127.0.0.1' } })
})
afterAll(() => node?.stop())

/** As if through a load balancer, from an address of the test's choice. */
async function ask(path: string, token: string, init: RequestInit & { readonly from?: string } = {}) {
  const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': init.from ?? '192.0.2.1' }
  const response = await fetch(`${node.adminUrl}${path}`, { ...init, headers })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** Lines of the log with `"audit":true`. */
function audited(): Record<string, unknown>[] {
  const lines = node.output().split('\n')
  return lines.filter((line) => line.includes('"audit":true')).map((line) => JSON.parse(line))
}

describe('the token that may look', () => {
  test.each(['orgs', 'orgs/acme', 'orgs/acme/connections', 'nodes', 'stats', 'refusals'])('%s: 200', async (path) => {
    expect((await ask(`/admin/v1/${path}`, READ_TOKEN)).status).toBe(200)
  })

  test.each([
    ['PUT', LIMIT],
    ['DELETE', LIMIT],
    ['DELETE', '/admin/v1/orgs/acme/tier'],
    ['DELETE', '/admin/v1/orgs/acme/connections'],
    ['DELETE', '/admin/v1/connections/c1'],
    ['POST', '/admin/v1/nothing-here'],
  ])('%s %s: 403, and nothing has changed', async (method, path) => {
    const answer = await ask(path, READ_TOKEN, { method, ...(method === 'PUT' && { body: '{"limit":7}' }) })
    expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN', status: 403 } })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect((await ask('/admin/v1/orgs/acme', READ_TOKEN)).body).toMatchObject({ maxAllowed: 3, limitFrom: 'default' })
  })
})

test('each change is a line in the log: who, from where, what it was and is; no token stands in it', async () => {
  onTestFinished(async () => void (await ask(LIMIT, node.adminToken, { method: 'DELETE' })))
  await ask(LIMIT, node.adminToken, { method: 'PUT', body: '{"limit":7,"by":"kim"}', from: '192.0.2.7' })
  await ask('/admin/v1/orgs/acme/connections', node.adminToken, { method: 'DELETE' })
  const byAdmin = () => audited().filter(({ role }) => role === 'admin')
  await until(() => byAdmin().length >= 2)
  const [put, evict] = byAdmin()
  expect(put).toMatchObject({
    ...{ level: 'info', role: 'admin', address: '192.0.2.7', method: 'PUT', path: LIMIT, status: 200 },
    ...{ before: { maxAllowed: 3, override: null }, after: { maxAllowed: 7, override: { by: 'kim' } } },
  })
  expect(evict).toMatchObject({ method: 'DELETE', path: '/admin/v1/orgs/acme/connections', status: 202 })
  expect(node.output()).not.toContain(node.adminToken)
})

test('who is turned away leaves a line too: with the reading token, a wrong one, and when the address has to wait', async () => {
  const from = '198.51.100.9'
  await ask(LIMIT, READ_TOKEN, { method: 'DELETE', from })
  for (let n = 0; n < 21; n++) await ask(LIMIT, `wrong-${n}`, { method: 'DELETE', from })
  const lines = () => audited().filter(({ address }) => address === from)
  await until(() => lines().some(({ status }) => status === 429))
  expect(lines()[0]).toMatchObject({ status: 403, role: 'read', method: 'DELETE', path: LIMIT })
  expect(lines().filter(({ status }) => status === 401)).toHaveLength(20)
  expect(lines().filter(({ level }) => level === 'warn')).toMatchObject([{}, { wrongTokens: 20 }])
  const metrics = await (await fetch(`${node.adminUrl}/metrics`)).text()
  expect(Number(/^headcount_admin_wrong_tokens_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(20)
})

describe('wrong tokens', () => {
  test('too many from one address: 429 even with the right one, and other addresses are not touched', async () => {
    const from = '198.51.100.1'
    for (let n = 0; n < 20; n++) expect((await ask('/admin/v1/stats', `wrong-${n}`, { from })).status).toBe(401)
    for (const token of ['wrong', node.adminToken]) {
      const answer = await ask('/admin/v1/stats', token, { from })
      expect(answer).toMatchObject({ status: 429, body: { code: 'TOO_MANY_WRONG_TOKENS' } })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    }
    expect((await ask('/admin/v1/stats', node.adminToken, { from: '198.51.100.2' })).status).toBe(200)
    expect((await fetch(`${node.adminUrl}/readyz`, { headers: { 'x-forwarded-for': from } })).status).toBe(200)
  })

  test('several in one packet leave their two lines all the same', async () => {
    const from = '198.51.100.4'
    const request = `GET /admin/v1/stats HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\nX-Forwarded-For: ${from}\r\n\r\n`
    for (let packet = 0; packet < 7; packet++) {
      const client = new RawClient(Number(new URL(node.adminUrl).port)).send(request.repeat(3))
      await until(() => client.received.split('HTTP/1.1 4').length === 4)
      client.reset()
      await client.closed
    }
    const lines = () => audited().filter(({ address }) => address === from)
    await until(() => lines().length >= 2)
    expect(lines()).toMatchObject([{ msg: 'a wrong admin token' }, { wrongTokens: 20 }])
  })

  test('more in one packet than are left: those beyond wait, and so does the right one behind them', async () => {
    const from = '198.51.100.5'
    for (let n = 0; n < 18; n++) expect((await ask('/admin/v1/stats', 'wrong', { from })).status).toBe(401)
    const request = (token: string) =>
      `GET /admin/v1/stats HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nX-Forwarded-For: ${from}\r\n\r\n`
    // As many as one connection may have under way.
    const packet = request('wrong').repeat(3) + request(node.adminToken)
    const client = new RawClient(node.adminPort).send(packet)
    const statuses = () => [...client.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
    await until(() => statuses().length === 4)
    client.reset()
    await client.closed
    expect(statuses()).toEqual(['401', '401', '429', '429'])
  })

  test('from as many addresses as one host may have: the log is not filled with lines of them', async () => {
    const env = { HEADCOUNT_TRUSTED_PROXIES: '127.0.0.1' }
    const alone = await startServer({ env })
    onTestFinished(() => alone.stop().then(() => {}))
    for (let n = 0; n < 400; n++) {
      const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': `2001:db8:0:${n.toString(16)}::1` }
      expect((await fetch(`${alone.adminUrl}/admin/v1/stats`, { headers })).status).toBe(401)
    }
    alone.kill()
    await alone.exited
    const lines = alone.output().split('\n')
    expect(lines.filter((line) => line.includes('a wrong admin token'))).toHaveLength(300)
    expect(lines.filter((line) => line.includes('"audit":true,"count":100'))).toHaveLength(1)
  })

  test('control: right tokens are not counted, however many', async () => {
    const from = '198.51.100.3'
    for (let n = 0; n < 40; n++) expect((await ask('/admin/v1/stats', READ_TOKEN, { from })).status).toBe(200)
  })
})
