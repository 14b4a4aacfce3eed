import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { collectMetrics, createLimiter } from '../../src/index.js'
import { type Fleet, startFleet, writeKeys } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { operate } from '../support/operator.js'
import { startPlatform } from '../support/platform.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ count: 2 })
})
afterAll(() => fleet?.stop())

async function scrape(node: number, of = fleet): Promise<string> {
  const response = await fetch(`${of.nodes[node]!.adminUrl}/metrics`)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')])
  return response.text()
}

/** The value of a series by its name and labels; `undefined` where there is none. */
function seriesOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length))
}

async function attempt(node: number, key: string) {
  const result = await connectGateway(fleet.urls[node]!, { key })
  if (result.accepted) onTestFinished(async () => void (await result.close()))
  return result
}

test('a node tells what it admitted and refused and how long that took, and the cluster what it holds', async () => {
  for (let n = 0; n < 3; n++) await attempt(0, fleet.keyOf('acme'))
  await attempt(1, fleet.keyOf('globex'))
  await attempt(0, fleet.keyOf('acme'))
  await attempt(0, 'nobody has this key')
  const text = await until(
    async () => {
      const now = await scrape(0)
      return seriesOf(now, 'headcount_cluster_connections') === 4 ? now : undefined
    },
    { withinMs: 15_000 },
  )
  const values = Object.entries({
    headcount_connections: 3,
    headcount_connections_limit: 1000,
    headcount_cluster_nodes: 2,
    headcount_store_reachable: 1,
    'headcount_node_phase{phase="running"}': 1,
    'headcount_node_phase{phase="draining"}': 0,
    headcount_connections_opened_total: 3,
    'headcount_admissions_total{code="ADMITTED"}': 3,
    'headcount_admissions_total{code="ORG_CONNECTION_LIMIT_EXCEEDED"}': 1,
    'headcount_upgrades_refused_total{code="ORG_CONNECTION_LIMIT_EXCEEDED"}': 1,
    'headcount_upgrades_refused_total{code="UNAUTHENTICATED"}': 1,
    'headcount_upgrades_refused_total{code="STORE_UNAVAILABLE"}': 0,
    'headcount_admission_duration_seconds_count{result="admitted"}': 3,
    'headcount_drift_repaired_total{kind="leaked"}': 0,
    'headcount_takeovers_asked_total{code="ADMITTED"}': 0,
    'headcount_identity_answers_total{source="keys",result="identified"}': 4,
    'headcount_identity_answers_total{source="keys",result="unknown"}': 1,
    'headcount_identity_answer_duration_seconds_count{source="keys"}': 5,
    headcount_leases_dead: 0,
  })
  for (const [series, value] of values) expect([series, seriesOf(text, series)]).toEqual([series, value])
  expect(seriesOf(text, 'headcount_store_call_duration_seconds_count{verb="acquire"}')).toBeGreaterThanOrEqual(1)
  expect(seriesOf(text, 'headcount_lease_renewals_total')).toBeGreaterThan(0)
  expect(text).toMatch(/^headcount_build_info\{version="\d+\.\d+\.\d+"\} 1$/m)
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m)
  for (const word of ['acme', 'globex', 'gateway-', '127.0.0.1']) expect(text).not.toContain(word)
  expect(seriesOf(await scrape(1), 'headcount_cluster_connections')).toBe(4)
})

test('a key file that cannot be used is told, and by doctor too, until it can be', async () => {
  const path = writeKeys(['acme'])
  const sound = readFileSync(path, 'utf8')
  const own = await startFleet({ count: 1, redis: fleet.redis, env: { HEADCOUNT_KEYS_FILE: path } })
  onTestFinished(() => own.stop())
  const usable = async () => seriesOf(await scrape(0, own), 'headcount_key_file_usable')
  const { adminUrl, adminToken } = own.nodes[0]!
  const doctor = () => operate(['doctor', '--admin', adminUrl], { ADMIN_TOKEN: adminToken })
  expect(await usable()).toBe(1)
  writeFileSync(path, '{')
  await until(async () => (await usable()) === 0)
  expect(await doctor()).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^warning KEY_FILE_UNUSABLE {2}node-1: its key file cannot be used$/m),
  })
  writeFileSync(path, sound)
  await until(async () => (await usable()) === 1)
  expect((await doctor()).code).toBe(0)
})

test('closed connections are counted by who did it', async () => {
  // A client sees its connection closed before the node has counted that: those of the test before may yet be counted.
  await until(async () => seriesOf(await scrape(0), 'headcount_connections') === 0)
  const before = seriesOf(await scrape(0), 'headcount_connections_closed_total{reason="PEER"}')!
  const result = await connectGateway(fleet.urls[0]!, { key: fleet.keyOf('globex') })
  if (!result.accepted) throw new Error('refused')
  await result.close()
  await until(async () => seriesOf(await scrape(0), 'headcount_connections_closed_total{reason="PEER"}') === before + 1)
})

test('takeovers are counted as asked, by decision, and as done', async () => {
  const series = [
    'headcount_takeovers_asked_total{code="ADMITTED"}',
    'headcount_takeovers_asked_total{code="ORG_CONNECTION_LIMIT_EXCEEDED"}',
    'headcount_takeovers_done_total',
  ]
  const figures = async () => {
    const text = await scrape(0)
    return series.map((each) => seriesOf(text, each)!)
  }
  const before = await figures()
  for (let n = 0; n < 2; n++) await attempt(0, fleet.keyOf('globex'))
  const last = await attempt(0, fleet.keyOf('globex'))
  const { resumeToken } = (last as Accepted).ack as unknown as { resumeToken: string }
  const comeBack = (token: string) =>
    connectGateway(fleet.urls[0]!, { key: fleet.keyOf('globex'), headers: { 'resume-token': token } })
  const back = await comeBack(resumeToken)
  if (back.accepted) onTestFinished(async () => void (await back.close()))
  expect([back.accepted, (await comeBack('none')).accepted]).toEqual([true, false])
  const counted = async () => (await figures()).map((figure, i) => figure - before[i]!)
  // Of what was made for a scrape a moment ago another gets a copy.
  await until(async () => (await counted()).every((more) => more > 0))
  expect(await counted()).toEqual([1, 1, 1])
})

test('a webhook tells what waits, what it took, what failed and what was dropped', async () => {
  let status = 200
  const receiver = await startPlatform(() => ({ status }))
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const env = { HEADCOUNT_WEBHOOK_URL: receiver.url, HEADCOUNT_WEBHOOK_SECRET: secret, HEADCOUNT_WEBHOOK_QUEUE: '2' }
  const own = await startFleet({ count: 1, redis: fleet.redis, env })
  onTestFinished(() => own.stop())
  const figure = async (series: string) => seriesOf(await scrape(0, own), `headcount_webhook_${series}`)!
  await until(async () => (await figure('events_total{result="delivered"}')) > 0)
  expect([await figure('failures_total'), await figure('events_waiting')]).toEqual([0, 0])
  status = 500
  const open = async () => {
    const result = await connectGateway(own.urls[0]!, { key: own.keyOf('acme') })
    if (result.accepted) await result.close()
  }
  await until(async () => {
    await open()
    return (await figure('failures_total')) > 0 && (await figure('events_total{result="dropped"}')) > 0
  })
  expect(await figure('batches_in_flight')).toBeGreaterThan(0)
  expect(await figure('events_waiting')).toBeLessThanOrEqual(2)
})

test('R2: without the store a scrape is answered, says so, and does not tell of the cluster what it cannot know', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const own = await startFleet({ count: 1, redis, env: { HEADCOUNT_STORE_TIMEOUT: '500ms' } })
  onTestFinished(() => own.stop())
  await redis.pause()
  const text = await until(
    async () => {
      const now = await scrape(0, own)
      const isAway = seriesOf(now, 'headcount_store_reachable') === 0
      return isAway && seriesOf(now, 'headcount_cluster_connections') === undefined ? now : undefined
    },
    { withinMs: 20_000 },
  )
  expect(seriesOf(text, 'headcount_store_disconnects_total')).toBeGreaterThan(0)
  await redis.resume()
})

test('of a library: an option that is none is refused, since nobody would scrape where they went', async () => {
  const limiter = createLimiter()
  onTestFinished(() => limiter.drain({ withinMs: 100 }))
  for (const [options, message] of [
    [{ register: {} }, 'register is not an option; did you mean registry?'],
    [{ registry: 'default' }, 'registry is an object, not "default"'],
    [{ verbose: true }, 'verbose is not an option; docs/metrics.md lists them'],
    [null, 'the argument is an object of options, not null'],
  ] as const) {
    expect(() => collectMetrics(limiter, options as never)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'INVALID_SETTINGS', message }),
    )
  }
  expect(await collectMetrics(limiter, { registry: undefined, maxConnections: undefined }).metrics()).toContain(
    'headcount_',
  )
})

test('of a library: in a registry of one’s own', async () => {
  const limiter = createLimiter({ limits: { org: 1 } })
  onTestFinished(() => limiter.drain({ withinMs: 100 }))
  const registry = collectMetrics(limiter)
  await limiter.ready()
  await limiter.admit({ org: 'acme' })
  await limiter.admit({ org: 'acme' })
  const text = await registry.metrics()
  expect(seriesOf(text, 'headcount_connections')).toBe(1)
  expect(seriesOf(text, 'headcount_key_file_usable'), 'it has no key file').toBeUndefined()
  expect(seriesOf(text, 'headcount_admissions_total{code="ORG_CONNECTION_LIMIT_EXCEEDED"}')).toBe(1)
  expect(text).not.toMatch(/^nodejs_/m)
})

test('R1: a recovery that Redis does not live through is told of no longer: that Redis is away is', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const limiter = createLimiter({ redis: redis.url })
  onTestFinished(() => limiter.drain({ withinMs: 500 }))
  const registry = collectMetrics(limiter)
  const series = async (name: string) => seriesOf(await registry.metrics(), name)
  await until(async () => ((await series('headcount_recovery_seconds')) ?? 0) > 5)
  await redis.stop()
  await until(async () => (await series('headcount_store_reachable')) === 0, { withinMs: 10_000 })
  expect(await series('headcount_recovery_seconds')).toBe(0)
})
