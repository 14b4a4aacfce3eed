import { describe, expect, onTestFinished, test } from 'vitest'
import { connectGateway } from '../support/gateways.js'
import { freePort, type ServerProcess, spawnServer, startServer } from '../support/processes.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

const TIMES = { HEADCOUNT_LEASE_TTL: '4s', HEADCOUNT_RENEW_INTERVAL: '200ms', HEADCOUNT_STORE_TIMEOUT: '1s' }

/** What a busy machine may be late. */
const LATE_MS = 1_500

/** The answer as it came, and how long it took. */
async function ask(node: ServerProcess, path: string, init: RequestInit = {}) {
  const startMs = performance.now()
  const headers = { authorization: `Bearer ${node.adminToken}` }
  const response = await fetch(`${node.adminUrl}${path}`, { signal: AbortSignal.timeout(5_000), ...init, headers })
  const body = (await response.json()) as Record<string, unknown>
  return {
    status: response.status,
    body,
    retryAfter: response.headers.get('retry-after'),
    tookMs: performance.now() - startMs,
  }
}

const QUESTIONS = ['/orgs', '/orgs/acme', '/orgs/acme/connections', '/nodes', '/stats']

async function everythingIsUnavailable(node: ServerProcess): Promise<void> {
  const put = { method: 'PUT', body: '{"limit":7}' }
  const answers = await Promise.all([
    ...QUESTIONS.map((path) => ask(node, `/admin/v1${path}`)),
    ask(node, '/admin/v1/orgs/acme/limit', put),
    ask(node, '/admin/v1/orgs/acme/limit', { method: 'DELETE' }),
  ])
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' }, retryAfter: '1' })
    expect(answer.tookMs).toBeLessThan(2_000 + LATE_MS)
  }
}

describe('a store that is away', () => {
  test.each(['killed', 'frozen'])(
    '%s: 503 quickly; the process is alive and ready; it works again after',
    async (how) => {
      const redis = await startRedis()
      onTestFinished(() => redis.stop())
      const node = await startServer({ env: { REDIS_URL: redis.url, ...TIMES } })
      onTestFinished(() => node.stop())
      // The connection over which is asked exists before the store goes in one case, and not in the other.
      if (how === 'frozen') for (const path of QUESTIONS) expect((await ask(node, `/admin/v1${path}`)).status).toBe(200)
      await (how === 'killed' ? redis.kill() : redis.pause())
      const [live] = await Promise.all([ask(node, '/livez'), everythingIsUnavailable(node)])
      expect(live).toMatchObject({ status: 200, body: { status: 'ok' } })
      expect(live.tookMs).toBeLessThan(LATE_MS)
      await until(async () => (await ask(node, '/readyz')).body.storeReachable === false)
      expect(await ask(node, '/readyz')).toMatchObject({ status: 200, body: { phase: 'running', store: 'redis' } })
      await everythingIsUnavailable(node)
      await (how === 'killed' ? redis.restart() : redis.resume())
      await until(async () => (await ask(node, '/readyz')).body.storeReachable)
      for (const path of QUESTIONS) await until(async () => (await ask(node, `/admin/v1${path}`)).status === 200)
    },
  )
})

describe('/readyz is 503 while starting and while draining, and at no other time', () => {
  test('starting: Redis is not there yet', async () => {
    const port = await freePort()
    const node = await spawnServer({ env: { REDIS_URL: `redis://127.0.0.1:${port}`, ...TIMES } })
    onTestFinished(() => node.stop())
    await until(async () => (await ask(node, '/livez')).status === 200, { withinMs: 15_000 })
    expect(await ask(node, '/readyz')).toMatchObject({
      status: 503,
      body: { phase: 'starting', storeReachable: false },
    })
    expect(await connectGateway(node.url, { key: 'demo-key-acme' })).toMatchObject({
      ...{ accepted: false, status: 503, body: { code: 'STARTING' } },
      headers: { 'retry-after': expect.stringMatching(/^[1-9]\d*$/) },
    })
    const redis = await startRedis({ port })
    onTestFinished(() => redis.stop())
    await until(async () => (await ask(node, '/readyz')).status === 200, { withinMs: 10_000 })
    const gateway = await connectGateway(node.url, { key: 'demo-key-acme' })
    if (!gateway.accepted) throw new Error(`refused: ${JSON.stringify(gateway.body)}`)
    await gateway.close()
  })

  test('draining: a client that never answers holds it up', async () => {
    const node = await startServer({ env: { HEADCOUNT_DRAIN_TIME: '3s' } })
    onTestFinished(() => node.stop())
    const gateway = await connectGateway(node.url, { key: 'demo-key-acme' })
    if (!gateway.accepted) throw new Error(`refused: ${JSON.stringify(gateway.body)}`)
    expect(await ask(node, '/readyz')).toMatchObject({ status: 200, body: { store: 'embedded', connections: 1 } })
    gateway.ws.pause()
    const startMs = performance.now()
    node.kill('SIGTERM')
    const answer = await until(async () => {
      const ready = await ask(node, '/readyz')
      return ready.status === 503 && ready
    })
    expect(['quiet', 'draining']).toContain(answer.body.phase)
    expect((await ask(node, '/livez')).status).toBe(200)
    expect(await connectGateway(node.url, { key: 'demo-key-acme' })).toMatchObject({
      ...{ accepted: false, status: 503, body: { code: 'DRAINING' } },
    })
    expect(await node.exited).toEqual({ code: 0, signal: null })
    expect(performance.now() - startMs).toBeLessThan(3_000 + LATE_MS)
    gateway.terminate()
    await gateway.closed
  })
})
