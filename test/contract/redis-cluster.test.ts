import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { createLimiter, type Limiter, type LimiterOptions } from '../../src/index.js'
import { redisKeys } from '../../src/store/redis/keys.js'
import { slotOfTag } from '../../src/store/redis/slot.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { waysTo } from '../../src/store/redis/ways.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { operate } from '../support/operator.js'
import { freePort } from '../support/ports.js'
import { spawnNode, startServer } from '../support/processes.js'
import { freshPrefix } from '../support/redis.js'
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js'
import { TIMING } from '../support/store-bench.js'
import { done } from '../support/store-node.js'
import { until } from '../support/until.js'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 60_000)
afterAll(() => cluster.stop())

leakGate()

/** Long enough for a busy machine. */
const PATIENT = { renewIntervalMs: 500, leaseTtlMs: 12_000, storeTimeoutMs: 5_000 } as const
/** Orgs enough that some are in every bucket. */
const ORGS = Array.from({ length: 200 }, (_, i) => `org-${i}`)

/** As test/unit/bucketed-store.test.ts has it. */
const ACME_BUCKET = 11

async function limiterOn(url: string, options: LimiterOptions = {}): Promise<Limiter> {
  const limiter = createLimiter({
    redis: url,
    ...PATIENT,
    ...options,
  })
  onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
  return limiter
}

/** A node starts without a bucket that is late; these tests want them all. */
async function untilInAllBuckets(limiter: Limiter): Promise<void> {
  await limiter.ready()
  const tried = async () => {
    const answers = await Promise.all(ORGS.map((org) => limiter.admit({ org, limit: 1_000 })))
    for (const answer of answers) if (answer.admitted) answer.release()
    return answers.every(({ admitted }) => admitted)
  }
  await until(tried, { withinMs: 20_000, what: 'every bucket admits' })
  await until(async () => (await limiter.allOrgStats()).length === 0, { what: 'every slot is given back' })
}

async function twoLimiters() {
  const keyPrefix = freshPrefix()
  const limiters = [
    await limiterOn(cluster.url, { keyPrefix, nodeName: 'a' }),
    await limiterOn(cluster.url, { keyPrefix, nodeName: 'b' }),
  ] as const
  for (const limiter of limiters) await untilInAllBuckets(limiter)
  return { keyPrefix, limiters }
}

describe('buckets in a Redis Cluster', () => {
  test('a slot is computed as Redis computes it', async () => {
    const tags = [...Array.from({ length: 256 }, (_, i) => String(i)), '', 'a'.repeat(100), 'ü€𝄞']
    const { admin } = cluster.servers[0]!
    const said = await Promise.all(tags.map((tag) => admin.call('CLUSTER', 'KEYSLOT', tag)))
    expect(tags.map(slotOfTag)).toEqual(said)
  })

  test('each is found where it is served, through any server and past those that are gone', async () => {
    const last = cluster.servers.at(-1)!
    const url = `redis+cluster://127.0.0.1:${await freePort()},${last.host}:${last.port}`
    for (const { dialer, bucket } of waysTo(url, systemClock)) {
      const { redis } = await dialer.dial(2_000, new AbortController().signal)
      expect(redis.options.port, `bucket ${bucket}`).toBe((await cluster.primaryOf(bucket)).port)
      redis.disconnect()
    }
  })

  test('where no server answers, each says why', async () => {
    const port = await freePort()
    const limiter = await limiterOn(`redis+cluster://127.0.0.1:${port}`)
    const causes: string[] = []
    limiter.on('store.left', ({ cause }) => causes.push(cause))
    await until(() => causes.length > 0)
    expect(causes[0]).toMatch(new RegExp(`nobody names who serves slot 13907: 127.0.0.1:${port}: .*ECONNREFUSED`))
    expect(await limiter.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'STARTING' })
  })

  test('limits hold over two nodes, orgs are in all buckets, and what is asked of all is answered by all', async () => {
    const { keyPrefix, limiters } = await twoLimiters()
    const [one, other] = limiters
    const answers = await Promise.all(ORGS.flatMap((org) => [0, 1, 0, 1].map((i) => limiters[i]!.admit({ org }))))
    expect(answers.filter(({ admitted }) => admitted)).toHaveLength(3 * ORGS.length)
    const keys = await Promise.all(cluster.servers.map(({ admin }) => admin.keys(`${keyPrefix}*:org:*`)))
    expect(new Set(keys.flat().map((key) => /\{(\d+)\}/.exec(key)![1])).size).toBe(16)
    expect(await one.allOrgStats()).toHaveLength(ORGS.length)
    expect(await other.orgStats('org-7')).toEqual({ orgId: 'org-7', currentCount: 3, maxAllowed: 3 })
    expect(one.connections + other.connections).toBe(3 * ORGS.length)
    const nodes = await one.stats.nodes()
    expect(nodes.map(({ name }) => name).sort()).toEqual(['a', 'b'])
    expect(nodes.reduce((sum, { connections }) => sum + connections, 0)).toBe(3 * ORGS.length)
    expect((await one.nodes()).map(({ name, self }) => [name, self]).sort()).toEqual([
      ['a', true],
      ['b', false],
    ])
    // Whichever bucket an org is in: each of three slots is held under a lease of its own there.
    for (const org of ORGS.slice(0, 40)) {
      const { connections, truncated } = await one.holders(org, { atMost: 3 })
      expect([connections.length, truncated]).toEqual([3, false])
      for (const { node, mine, lease } of connections) {
        expect(mine, org).toBe(node === 'a')
        expect(nodes.find(({ name }) => name === node)?.leases, org).toContain(lease)
      }
    }
  })

  test('operators reach connections and nodes whatever bucket those are in', async () => {
    const { limiters } = await twoLimiters()
    const [one, other] = limiters
    const held = await other.admit({ org: 'acme' })
    if (!held.admitted) throw new Error(held.code)
    expect(await one.evict({ connectionId: held.connectionId })).toMatchObject({ ordered: 1 })
    await until(() => held.lost.aborted)
    expect(held.lost.reason).toBe('EVICTED')
    held.release()
    await one.setLimit('acme', 1)
    expect(await other.orgLimits('acme')).toMatchObject({ maxAllowed: 1, limitFrom: 'override' })
    const told: string[] = []
    for (const event of ['drain.ordered', 'node.quieted'] as const) other.on(event, () => told.push(event))
    const { lease } = (await one.stats.nodes()).find(({ name }) => name === 'b')!
    expect(await one.drainNode(lease)).toBe('ordered')
    await until(() => other.phase === 'quiet')
    // Each once, whatever bucket the order came by.
    expect(told.sort()).toEqual(['drain.ordered', 'node.quieted'])
    expect(await one.drainNode(1)).toBe('gone')
  })

  test('a node that is told of another number of buckets is let in nowhere, and changes nothing', async () => {
    const { keyPrefix, limiters } = await twoLimiters()
    await limiters[0].admit({ org: 'acme' })
    const before = await cluster.slots(keyPrefix)
    for (const buckets of [8, 32]) {
      const wrong = await limiterOn(`${cluster.url}?buckets=${buckets}`, { keyPrefix })
      const causes: string[] = []
      wrong.on('store.left', ({ cause }) => causes.push(cause))
      await until(() => causes.length >= 3, { withinMs: 10_000 })
      const cause = 'these keys are spread over 16 buckets: name that many in the Redis URL'
      expect(new Set(causes)).toEqual(new Set([cause]))
      expect(wrong.phase).toBe('starting')
    }
    expect(await cluster.slots(keyPrefix)).toEqual(before)
    expect(await limiters[1].admit({ org: 'acme' })).toMatchObject({ admitted: true, currentCount: 2 })
  })

  test('one bucket alone, which may be asked for, is a cluster like any other', async () => {
    const limiter = await limiterOn(`${cluster.url}?buckets=1`, { keyPrefix: freshPrefix(), limits: { cluster: 1 } })
    await limiter.ready()
    expect(await limiter.admit({ org: 'a' })).toMatchObject({ admitted: true })
    expect(await limiter.admit({ org: 'b' })).toMatchObject({ code: 'CLUSTER_CAPACITY_EXCEEDED' })
  })

  test('limits that span orgs are refused at once (S5)', async () => {
    for (const limits of [{ cluster: 5 }, { address: 5 }]) {
      expect(() => createLimiter({ redis: cluster.url, limits })).toThrow(
        expect.objectContaining({ code: 'INVALID_SETTINGS' }),
      )
    }
    const { limiters } = await twoLimiters()
    const scopes = [{ name: 'user', id: 'u', limit: 1 }]
    await expect(limiters[0].admit({ org: 'a', scopes })).rejects.toMatchObject({ code: 'INVALID_SCOPES' })
    await expect(limiters[0].admit({ org: '' })).rejects.toMatchObject({ code: 'INVALID_ORG' })
  })

  test('the server runs on it: a gateway is let in, the limit holds, and the node says where its state is', async () => {
    const env = { REDIS_URL: cluster.url, HEADCOUNT_KEY_PREFIX: freshPrefix(), HEADCOUNT_RENEW_INTERVAL: '500ms' }
    const server = await startServer({ env: { ...env, WS_MAX_CONNECTIONS_PER_ORG: '1' } })
    onTestFinished(() => server.stop().then(() => {}))
    const held = await connectGateway(server.url, { key: 'demo-key-acme' })
    expect(held).toMatchObject({ accepted: true })
    expect(await connectGateway(server.url, { key: 'demo-key-acme' })).toMatchObject({ accepted: false, status: 429 })
    expect((await server.admin<{ store: string }>('/admin/v1/stats')).store).toBe(`${cluster.url} (16 buckets)`)
    if (held.accepted) held.terminate()
    const [node] = (await server.admin<{ nodes: { lease: number; leases: number[] }[] }>('/admin/v1/nodes')).nodes
    expect(new Set(node!.leases).size).toBe(16)
    expect(node!.leases).toContain(node!.lease)
    // Whichever of its leases an operator has read beside a holder.
    await server.admin(`/admin/v1/nodes/${node!.leases[5]}/drain`, { method: 'POST' })
    expect((await server.exited).code).toBe(0)
    const spanning = await spawnNode('dist/server/main.js', [], { ...env, HEADCOUNT_CLUSTER_MAX_CONNECTIONS: '5' })
    expect((await spanning.exited).code).toBe(78)
    expect(spanning.stderr()).toContain('HEADCOUNT_CLUSTER_MAX_CONNECTIONS is 5, a limit that spans orgs')
  }, 60_000)

  test('a node that is silent in one bucket alone is silent to the holders there, and to no others', async () => {
    const keyPrefix = freshPrefix()
    // The server need not wait for a recovery then.
    await untilInAllBuckets(await limiterOn(cluster.url, { keyPrefix }))
    const env = { REDIS_URL: cluster.url, HEADCOUNT_KEY_PREFIX: keyPrefix, WS_MAX_CONNECTIONS_PER_ORG: '1' }
    // It renews so seldom that what is written here stands until it has been looked at.
    const times = { HEADCOUNT_LEASE_TTL: '120s', HEADCOUNT_RENEW_INTERVAL: '30s' }
    const patient = { ...times, HEADCOUNT_STORE_TIMEOUT: '2s', HEADCOUNT_NODE_NAME: 'b' }
    const server = await startServer({ env: { ...env, ...patient } })
    onTestFinished(() => server.stop().then(() => {}))
    const node = async () => {
      const { nodes } = await server.admin<{ nodes: { name: string; leases: number[]; late: boolean }[] }>(
        '/admin/v1/nodes',
      )
      return nodes.find(({ name }) => name === 'b')
    }
    await until(async () => (await node())?.leases.length === 16, { what: 'it is in every bucket' })
    const held = await connectGateway(server.url, { key: 'demo-key-acme' })
    const refused = await connectGateway(server.url, { key: 'demo-key-acme' })
    if (!held.accepted || refused.accepted) throw new Error('not one of two')
    onTestFinished(() => held.terminate())
    const fallSilentIn = async (bucket: number) => {
      const [keys, { admin }] = [redisKeys(keyPrefix, bucket), await cluster.primaryOf(bucket)]
      const leases = await admin.zrange(keys.leases, '0', '-1')
      const own = (await node())!.leases.map(String)
      const endMs = Number(await admin.hget(keys.meta, 'clock')) + 30_000
      await admin.zadd(keys.leases, endMs, leases.find((lease) => own.includes(lease))!)
      expect(await node()).toMatchObject({ late: true })
    }
    const { adminUrl: HEADCOUNT_ADMIN_URL, adminToken: ADMIN_TOKEN } = server
    const asks = [
      ['org', 'acme'],
      ['org', 'acme', '--redis', cluster.url, '--key-prefix', keyPrefix],
      ['why', String(refused.body.instance)],
    ]
    const isSilent = async () => {
      const told = await Promise.all(asks.map((args) => operate(args, { HEADCOUNT_ADMIN_URL, ADMIN_TOKEN })))
      return told.map(({ stdout }) => /node silent, free in/.test(stdout))
    }
    await fallSilentIn((ACME_BUCKET + 1) % 16)
    expect(await isSilent()).toEqual([false, false, false])
    await fallSilentIn(ACME_BUCKET)
    expect(await isSilent()).toEqual([true, true, true])
  }, 60_000)

  test('the command line reads it whole, and doctor finds it well', async () => {
    const { keyPrefix, limiters } = await twoLimiters()
    for (const org of ORGS.slice(0, 40)) await limiters[0].admit({ org })
    const where = ['--redis', cluster.url, '--key-prefix', keyPrefix]
    const orgs = JSON.parse((await operate(['orgs', '--json', ...where])).stdout)
    expect(orgs).toMatchObject({ total: 40 })
    // The lease of a holder is that of its org's bucket, and another one in each.
    const held = ORGS.slice(0, 8).map(async (org) => {
      const { connections } = JSON.parse((await operate(['org', org, '--json', ...where])).stdout)
      return connections.map(({ node }: { node?: string }) => node)
    })
    expect(await Promise.all(held)).toEqual(held.map(() => ['a']))
    const doctor = await operate(['doctor', ...where])
    expect(doctor.stdout).toContain('nothing is wrong')
    const other = await operate(['doctor', '--redis', `${cluster.url}?buckets=8`, '--key-prefix', keyPrefix])
    expect(other.stdout).toContain('fault   BUCKETS_DIFFER')
  }, 60_000)

  test('a node with another limit tells it in every bucket, and doctor says so once', async () => {
    const { keyPrefix } = await twoLimiters()
    await untilInAllBuckets(await limiterOn(cluster.url, { keyPrefix, nodeName: 'odd', limits: { org: 5 } }))
    const told = await operate(['doctor', '--json', '--redis', cluster.url, '--key-prefix', keyPrefix])
    expect(JSON.parse(told.stdout).findings).toMatchObject([
      { code: 'SETTINGS_CHANGING', count: 1, details: [expect.stringMatching(/^3 on a, b; 5 on odd; for \d/)] },
    ])
  }, 60_000)

  test('a connection that meets a moved slot ends, and the next one goes where the slot is', async () => {
    const [way] = waysTo(cluster.url, systemClock)
    const store = new RedisStore({
      ...{ url: cluster.url, way: way!, timing: TIMING, clock: systemClock, keyPrefix: freshPrefix() },
    })
    onTestFinished(() => store.close())
    const hello = {
      lease: 7,
      generation: 1,
      proposedEpoch: 'e',
      proposedSecret: 's',
      reasserting: false,
      nodeInfo: '{}',
    }
    const connection = done(await store.connect())
    done(await connection.hello(hello))
    const from = await cluster.primaryOf(0)
    await cluster.moveBucket(0, cluster.servers.find((server) => server !== from)!)
    expect(await connection.hello({ ...hello, generation: 2 })).toMatchObject({
      status: 'unanswered',
      cause: expect.stringMatching(/^MOVED 13907 /),
    })
    // Another server's memory: whatever it holds counts as from before a loss.
    const next = done(await store.connect())
    expect(done(await next.hello({ ...hello, lease: 8 }))).toMatchObject({ newEpoch: true })
  })
})
