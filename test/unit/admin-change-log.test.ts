import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import type { AdminEnv } from '../../src/admin/auth.js'
import { logChanges } from '../../src/admin/change-log.js'
import { limitsApp } from '../../src/admin/routes/limits.js'
import { TurnedAway } from '../../src/admin/turned-away.js'
import { createLog } from '../../src/observe/log.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import { ManualClock } from '../support/manual-clock.js'

/** An app whose changes leave lines, and the lines. */
function audited() {
  const lines: Record<string, unknown>[] = []
  const log = createLog({
    ...{ level: 'info', node: 'n' },
    destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
  })
  const clock = new ManualClock()
  const turnedAway = new TurnedAway(log, clock)
  onTestFinished(() => turnedAway.stop())
  return { app: new Hono<AdminEnv>().use(logChanges(log, turnedAway)), clock, lines, turnedAway }
}

test('a limit that is in force and could not be read afterwards stands in the audit line as it was asked for', async () => {
  const { app, clock, lines } = audited()
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
  app.route('/', limitsApp(limiter as never, clock)).onError((_, context) => context.text('', 503))
  const answer = await app.request('/orgs/acme/limit', { method: 'PUT', body: '{"limit":"unlimited","by":"kim"}' })
  expect([answer.status, isSet]).toEqual([503, true])
  expect(lines).toMatchObject([
    { status: 503, before: { maxAllowed: 3 }, asked: { limit: 'unlimited', terms: { by: 'kim' } } },
  ])
})

test('the end of a limit is counted on the clock of the node', async () => {
  const { app, clock } = audited()
  const terms: unknown[] = []
  const limiter = {
    orgLimits: async () => ({ orgId: 'acme', maxAllowed: 3 }),
    setLimit: async (_org: string, _limit: number, given: unknown) => void terms.push(given),
  }
  app.route('/', limitsApp(limiter as never, clock))
  const expiresAt = new Date(clock.wallMs() + 60_000).toISOString()
  const set = async () => {
    const body = JSON.stringify({ limit: 1, expiresAt })
    return (await app.request('/orgs/acme/limit', { method: 'PUT', body })).status
  }
  expect(await set()).toBe(200)
  clock.advance(60_000)
  expect([await set(), terms]).toEqual([400, [{ forMs: 60_000 }]])
})

test('who is turned away, as often as he likes, neither fills the log nor pushes out the lines of changes', async () => {
  const { app, clock, lines } = audited()
  let status = 401
  app.use((context, next) => {
    context.set('address', context.req.header('from') ?? '')
    return next()
  })
  app.delete('*', (context) => context.body(null, status as 200))
  const ask = (from: string) => app.request(`/${'x'.repeat(10_000)}`, { method: 'DELETE', headers: { from } })
  for (status of [401, 403, 429]) for (let n = 0; n < 100; n++) await ask('192.0.2.1')
  expect(lines).toHaveLength(30)
  expect(lines[0]).toMatchObject({ audit: true, method: 'DELETE', status: 401, address: '192.0.2.1' })
  expect(String(lines[0]!.path)).toHaveLength(256)
  for (let n = 0; n < 1_000; n++) await ask(`198.51.100.${n % 250}`)
  expect(lines).toHaveLength(300)
  status = 200
  for (let n = 0; n < 500; n++) await ask('192.0.2.1')
  expect(lines).toHaveLength(800)
  clock.advance(60_000)
  expect(lines.slice(800)).toMatchObject([{ level: 'warn', audit: true, count: 1_000 }])
})

test('so do wrong tokens, whose lines count as theirs do: of an address the first, and the last before it waits', async () => {
  const { clock, lines, turnedAway } = audited()
  const wrong = { address: '192.0.2.1', isLast: false }
  for (let nth = 1; nth <= 20; nth++) await turnedAway.wrongToken({ ...wrong, nth, isLast: nth === 20 })
  expect(lines).toMatchObject([{ audit: true, address: '192.0.2.1' }, { wrongTokens: 20 }])
  for (let n = 0; n < 400; n++) await turnedAway.wrongToken({ ...wrong, address: `2001:db8:0:${n}::1`, nth: 1 })
  await turnedAway.add({ role: undefined, address: '192.0.2.1', method: 'PUT', path: '/', status: 401 })
  expect(lines).toHaveLength(300)
  clock.advance(60_000)
  expect(lines.slice(300)).toMatchObject([{ level: 'warn', audit: true, count: 103 }])
})

test('what is untold when a node stops is told then', async () => {
  const { lines, turnedAway } = audited()
  const attempt = { role: undefined, address: '192.0.2.1', method: 'PUT', path: '/', status: 401 }
  for (let n = 0; n < 31; n++) await turnedAway.add(attempt)
  turnedAway.stop()
  expect(lines.at(-1)).toMatchObject({ audit: true, count: 1 })
})
