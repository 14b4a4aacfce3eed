import { Hono } from 'hono'
import { z } from 'zod'
import { limitBody } from '../limit-body.js'
import { answers, queries } from '../schemas.js'

interface Operation {
  readonly does: string
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly answer?: z.ZodType
  readonly status?: number
  readonly type?: string
}

const EVICTION = { query: queries.evict, answer: answers.evicted, status: 202 }

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /livez': { does: 'Whether the process turns', answer: answers.live },
  'GET /readyz': { does: 'Whether the node admits', answer: answers.ready },
  'GET /metrics': { does: 'Metrics for Prometheus', type: 'text/plain' },
  'GET /admin/v1/orgs': { does: 'Orgs, page by page or the fullest', query: queries.orgs, answer: answers.orgs },
  'GET /admin/v1/orgs/{org}': { does: 'What an org holds and may hold, and why', answer: answers.org },
  'GET /admin/v1/orgs/{org}/connections': { does: 'Who holds the slots', answer: answers.connections },
  'PUT /admin/v1/orgs/{org}/limit': { does: 'Sets a limit or a tier', body: limitBody, answer: answers.org },
  'DELETE /admin/v1/orgs/{org}/limit': { does: 'Takes the limit back', query: queries.takeBack, answer: answers.org },
  'DELETE /admin/v1/orgs/{org}/tier': { does: 'Takes the tier back', query: queries.takeBack, answer: answers.org },
  'DELETE /admin/v1/orgs/{org}/connections': { does: 'Closes all of an org', ...EVICTION },
  'DELETE /admin/v1/connections/{id}': { does: 'Closes one connection', ...EVICTION },
  'GET /admin/v1/nodes': { does: 'Nodes with a lease', query: queries.nodes, answer: answers.nodes },
  'POST /admin/v1/nodes/{node}/drain': { does: 'Tells a node to stop', answer: answers.drained, status: 202 },
  'GET /admin/v1/stats': { does: 'This node, and totals', answer: answers.stats },
  'GET /admin/v1/refusals': { does: 'Why gateways were refused', query: queries.refusals, answer: answers.refusals },
  'GET /admin/v1/events': { does: 'The cluster once a second', type: 'text/event-stream' },
  'GET /admin/v1/openapi.json': { does: 'This document' },
}

/**
 * The description of the API (OpenAPI 3.1), made of the schemas that read questions and that answers are held against.
 */
export function openapiApp(version: string): Hono {
  const app = new Hono()
  const document = openapi(version)
  app.get('/openapi.json', (context) => context.json(document))
  return app
}

function openapi(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = name.split(' ')
    paths[path] = { ...paths[path], [method.toLowerCase()]: described(path, operation) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'headcount admin API', version },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths,
  }
}

function described(path: string, { does, query, body, answer, status = 200, type }: Operation): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const { properties = {} } = query ? schemaOf(query, 'input') : {}
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }))
  const json = (schema: z.ZodType, io: 'input' | 'output') => ({ 'application/json': { schema: schemaOf(schema, io) } })
  const content = answer ? json(answer, 'output') : { [type ?? 'application/json']: {} }
  const problem = { 'application/problem+json': { schema: schemaOf(answers.problem, 'output') } }
  return {
    summary: does,
    parameters: [...inPath, ...inQuery],
    ...(path.startsWith('/admin') && { security: [{ token: [] }] }),
    ...(body && { requestBody: { required: true, content: json(body, 'input') } }),
    responses: { [status]: { description: does, content }, default: { description: 'A refusal', content: problem } },
  }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}
