import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { answers, queries } from '../../src/admin/schemas.js'
import { read, sources } from '../house/sources.js'
import { type Fleet, setLimit, startFleet } from '../support/fleet.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'

leakGate()

interface Described {
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
}

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ count: 2, env: { WS_MAX_CONNECTIONS_PER_ORG: '2' } })
})
afterAll(() => fleet?.stop())

const ask = <T = unknown>(path: string, init?: RequestInit) => fleet.nodes[0]!.admin<T>(path, init)

async function open(org: string): Promise<void> {
  const result = await connectGateway(fleet.urls[1]!, { key: fleet.keyOf(org) })
  if (!result.accepted) throw new Error('refused')
  onTestFinished(async () => void (await result.close()))
}

describe('the description of the API', () => {
  test('is OpenAPI 3.1, behind the token, and names each path that docs/admin-api.md names', async () => {
    const document = await ask<{ openapi: string; paths: Record<string, object> }>('/admin/v1/openapi.json')
    expect(document.openapi).toBe('3.1.0')
    expect((await fetch(`${fleet.nodes[0]!.adminUrl}/admin/v1/openapi.json`)).status).toBe(401)
    const rows = [...read('docs/admin-api.md').matchAll(/^\| `([A-Z]+) ([^`?]+)(\?[^`]*)?` \|/gm)]
    const documented = rows.map(([, method, path]) => `${method} ${path!.replace(/:(\w+)/g, '{$1}')}`)
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described.sort()).toEqual([...new Set(documented)].sort())
  })

  test('names each query that docs/admin-api.md names, and reads no other', async () => {
    const { paths } = await ask<{ paths: Record<string, Record<string, Described>> }>('/admin/v1/openapi.json')
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { parameters }]) =>
        parameters
          .filter((parameter) => parameter.in === 'query')
          .map(({ name }) => `${method.toUpperCase()} ${path} ${name}`),
      ),
    )
    const rows = [...read('docs/admin-api.md').matchAll(/^\| `([A-Z]+) ([^`?]+)\?([^`]*)` \|/gm)]
    const documented = rows.flatMap(([, method, path, query]) =>
      [...new URLSearchParams(query).keys()].map((name) => `${method} ${path!.replace(/:(\w+)/g, '{$1}')} ${name}`),
    )
    expect(described.sort()).toEqual([...new Set(documented)].sort())
    // Whatever a route reads, it reads by a schema of the document.
    const readers = sources().filter(({ path, text }) => path.startsWith('src/admin/') && /\breq\.quer/.test(text))
    expect(readers.map(({ path }) => path)).toEqual(['src/admin/query.ts'])
    const schemas = sources().find(({ path }) => path === 'src/admin/routes/openapi.ts')!.text
    expect(Object.keys(queries).filter((name) => !schemas.includes(`queries.${name}`))).toEqual([])
  })

  test('is what is really answered', async () => {
    await open('acme')
    onTestFinished(async () => void (await ask('/admin/v1/orgs/acme/limit', { method: 'DELETE' })))
    const put = { method: 'PUT', body: '{"limit":1,"for":"1h","note":"n","by":"b"}' }
    expect(answers.org.parse(await ask('/admin/v1/orgs/acme/limit', put))).toMatchObject({ maxAllowed: 1 })
    await connectGateway(fleet.urls[0]!, { key: fleet.keyOf('acme') })
    answers.live.parse(await ask('/livez'))
    answers.ready.parse(await ask('/readyz'))
    answers.orgs.parse(await ask('/admin/v1/orgs'))
    answers.orgs.parse(await ask('/admin/v1/orgs?sort=utilisation'))
    answers.org.parse(await ask('/admin/v1/orgs/nobody'))
    expect(answers.connections.parse(await ask('/admin/v1/orgs/acme/connections')).connections).toHaveLength(1)
    expect(answers.nodes.parse(await ask('/admin/v1/nodes')).nodes).toHaveLength(2)
    answers.stats.parse(await ask('/admin/v1/stats'))
    answers.refusals.parse(await ask('/admin/v1/refusals'))
    answers.evicted.parse(await ask('/admin/v1/orgs/globex/connections', { method: 'DELETE' }))
  })
})

test('the fullest orgs first, and no more than asked for', async () => {
  await setLimit(fleet.nodes[0]!, 'globex', 4)
  await open('globex')
  await open('acme')
  const page = answers.orgs.parse(await ask('/admin/v1/orgs?sort=utilisation&limit=1'))
  expect(page).toEqual({
    ...{ orgs: [{ orgId: 'acme', currentCount: 1, maxAllowed: 2 }], nextCursor: null, truncated: false },
  })
})

test.each(['limit=0', 'limit=1001', 'limit=x', 'sort=name'])('orgs?%s: 400', async (query) => {
  const { adminUrl, adminToken } = fleet.nodes[0]!
  const response = await fetch(`${adminUrl}/admin/v1/orgs?${query}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  expect([response.status, await response.json()]).toMatchObject([400, { code: 'INVALID_QUERY' }])
})
