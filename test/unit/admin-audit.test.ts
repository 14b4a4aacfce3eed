import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { audit } from '../../src/admin/audit.js'
import type { AdminEnv } from '../../src/admin/auth.js'
import { limitsApp } from '../../src/admin/limits.js'
import { createLog } from '../../src/observe/log.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'

test('a limit that is in force and could not be read afterwards stands in the audit line as it was asked for', async () => {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  let isSet = false
  const limiter = {
    orgLimits: async () => {
      if (isSet) throw new StoreUnavailable('away')
      return { orgId: 'acme', maxAllowed: 3 }
    },
    setLimit: async () => {
      isSet = true
    },
  }
  const app = new Hono<AdminEnv>().use(audit(createLog({ level: 'info', node: 'n', destination })))
  app.route('/', limitsApp(limiter as never)).onError((_, context) => context.text('', 503))
  const answer = await app.request('/orgs/acme/limit', { method: 'PUT', body: '{"limit":"unlimited","by":"kim"}' })
  expect([answer.status, isSet]).toEqual([503, true])
  expect(lines).toMatchObject([
    { status: 503, before: { maxAllowed: 3 }, asked: { limit: 'unlimited', terms: { by: 'kim' } } },
  ])
})
