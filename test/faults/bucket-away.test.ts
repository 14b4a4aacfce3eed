import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { answers } from '../../src/admin/schemas.js'
import { createLimiter, type Limiter } from '../../src/index.js'
import { leakGate } from '../support/leak-gate.js'
import { operate, type Told } from '../support/operator.js'
import { type ServerProcess, spawnNode, startServer } from '../support/processes.js'
import { freshPrefix } from '../support/redis.js'
import { type ClusterServer, type RedisCluster, startRedisCluster } from '../support/redis-cluster.js'
import { until } from '../support/until.js'
import { watchEvents } from '../support/watch-events.js'

leakGate()

const BUCKETS = 16
/** Orgs enough that some are in every bucket. */
const ORGS = Array.from({ length: 60 }, (_, i) => `org-${i}`)
const TIMES = { HEADCOUNT_RENEW_INTERVAL: '500ms', HEADCOUNT_LEASE_TTL: '30s', HEADCOUNT_STORE_TIMEOUT: '1s' }

let cluster: RedisCluster
let keyPrefix: string
/** Holds one slot of each org. */
let limiter: Limiter
let server: ServerProcess
/** The orgs whose buckets are on each server, and those buckets. */
let places: Map<ClusterServer, { readonly orgs: string[]; readonly buckets: number[] }>

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 60_000)

afterAll(() => cluster?.stop())

beforeEach(async () => {
  keyPrefix = freshPrefix()
  limiter = createLimiter({
    ...{ redis: cluster.url, keyPrefix, nodeName: 'a' },
    ...{ renewIntervalMs: 500, leaseTtlMs: 30_000, storeTimeoutMs: 1_000 },
  })
  await limiter.ready()
  for (const org of ORGS) await until(async () => (await limiter.admit({ org })).admitted)
  server = await startServer({
    env: { REDIS_URL: cluster.url, HEADCOUNT_KEY_PREFIX: keyPrefix, HEADCOUNT_NODE_NAME: 'b', ...TIMES },
  })
  await until(async () => !(await stats()).node.bucketsAway, { withinMs: 20_000, what: 'it is in every bucket' })
  places = new Map(cluster.servers.map((each) => [each, { orgs: [], buckets: [] }]))
  for (let bucket = 0; bucket < BUCKETS; bucket++) places.get(await cluster.primaryOf(bucket))!.buckets.push(bucket)
  for (const each of places.values()) {
    const keys = await Promise.all(each.buckets.map((bucket) => orgsIn(bucket)))
    each.orgs.push(...keys.flat())
  }
}, 60_000)

afterEach(async () => {
  await Promise.all([limiter.drain({ withinMs: 200 }), server.stop()])
})

/** As by a power cut; it is there again when the test is over. */
async function killed(primary: ClusterServer): Promise<void> {
  onTestFinished(() => primary.restart())
  await primary.kill()
}

async function orgsIn(bucket: number): Promise<string[]> {
  const start = `${keyPrefix}{${bucket}}:org:`
  const { admin } = await cluster.primaryOf(bucket)
  return (await admin.keys(`${start}*`)).map((key) => key.slice(start.length))
}

const ask = <Name extends keyof typeof answers>(name: Name, path: string) =>
  server
    // A node waits for a frozen primary twice, 2 s each, before it tells of the others; a busy machine may be late.
    .admin(`/admin/v1/${path}`, { signal: AbortSignal.timeout(10_000) })
    .then((answer) => answers[name].parse(answer) as ReturnType<(typeof answers)[Name]['parse']>)
const stats = () => ask('stats', 'stats')
const command = (...args: string[]) =>
  operate(args, { HEADCOUNT_ADMIN_URL: server.adminUrl, ADMIN_TOKEN: server.adminToken })
interface Findings {
  readonly findings: readonly { readonly code: string; readonly subject: string }[]
  readonly skipped: readonly string[]
}

const sorted = (names: readonly string[]) => [...names].sort()

/** The server that serves the first bucket, where the notes of refusals are, or another one. */
async function primary({ ofFirst }: { ofFirst: boolean }) {
  const first = await cluster.primaryOf(0)
  const chosen = ofFirst ? first : cluster.servers.find((each) => each !== first)!
  const { orgs, buckets } = places.get(chosen)!
  return { chosen, orgs, buckets, others: ORGS.filter((org) => !orgs.includes(org)) }
}

describe('while a primary of a Redis Cluster is away', () => {
  test('operators see what all others hold, and which buckets are away; the library goes on promising all', async () => {
    const { chosen, orgs, buckets, others } = await primary({ ofFirst: false })
    await killed(chosen)
    await until(async () => (await stats()).node.bucketsAway?.length === buckets.length, { withinMs: 20_000 })
    const away = { bucketsAway: buckets, buckets: BUCKETS }
    for (const query of ['', '?sort=utilisation&limit=100']) {
      const page = await ask('orgs', `orgs${query}`)
      expect(page).toMatchObject({ nextCursor: null, ...away })
      expect(sorted(page.orgs.map(({ orgId }) => orgId))).toEqual(sorted(others))
    }
    const { nodes, ...rest } = await ask('nodes', 'nodes')
    expect(rest).toEqual(away)
    expect(nodes.map(({ name, connections }) => [name, connections]).sort()).toEqual([
      ['a', others.length],
      ['b', 0],
    ])
    expect(await stats()).toMatchObject({
      ...{ node: { storeReachable: false, ...away }, cluster: { nodes: 2, connections: others.length }, ...away },
    })
    const watcher = await watchEvents(server)
    onTestFinished(() => watcher.leave())
    expect((await watcher.next()).data).toMatchObject({ totals: { orgs: others.length, nodes: 2 }, ...away })

    await expect(ask('org', `orgs/${orgs[0]}`)).rejects.toThrow('503')
    expect(await ask('org', `orgs/${others[0]}`)).toMatchObject({ currentCount: 1 })
    await expect(limiter.allOrgStats()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(limiter.nodes()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })

    const series = async () => (await fetch(`${server.adminUrl}/metrics`)).text()
    await until(async () => !/^headcount_cluster_connections /m.test(await series()), { withinMs: 10_000 })
    expect(await series()).toContain(`headcount_buckets ${BUCKETS}\n`)
    expect(await series()).toContain(`headcount_buckets_away ${buckets.length}\n`)
  }, 60_000)

  test('each command says how many are away and what is missing, asked of a node or of Redis', async () => {
    const { chosen, buckets, others } = await primary({ ofFirst: false })
    await killed(chosen)
    await until(async () => (await stats()).node.bucketsAway?.length === buckets.length, { withinMs: 20_000 })
    const words = `${buckets.length} of ${BUCKETS} buckets away`
    for (const where of [[], ['--redis', cluster.url, '--key-prefix', keyPrefix]]) {
      const asked = [['orgs'], ['orgs', '--json'], ['nodes'], ['check']].map((args) => command(...args, ...where))
      const [orgs, json, nodes, check] = (await Promise.all(asked)) as [Told, Told, Told, Told]
      expect([orgs.code, orgs.lines.at(-1)]).toEqual([0, `${words}: their orgs are not shown`])
      expect(JSON.parse(json.stdout)).toMatchObject({
        ...{ total: others.length, bucketsAway: buckets, buckets: BUCKETS },
      })
      expect([nodes.code, nodes.lines.at(-1)]).toEqual([0, `${words}: what nodes hold there is not counted`])
      expect(check).toMatchObject({
        code: 2,
        stdout: expect.stringMatching(`^HEADCOUNT CRITICAL - ${words}.* \\| nodes=2 connections=U fullest=U;;\n$`),
      })
    }
    const { code, stdout } = await command('doctor', '--json')
    const found = JSON.parse(stdout) as Findings
    expect(code).toBe(2)
    expect(found.findings.filter((each) => each.code === 'BUCKET_AWAY').map(({ subject }) => subject)).toEqual(
      buckets.map((bucket) => `bucket ${bucket}`),
    )
    expect(found.findings.map((each) => each.code)).not.toContain('NODE_WITHOUT_STORE')
    expect(found.skipped).toEqual([`the orgs of ${words}`])
  }, 60_000)

  test('one that is frozen, and has the notes of refusals, holds up nobody for long; it is shown again when it is back', async () => {
    const { chosen, buckets, others } = await primary({ ofFirst: true })
    const watcher = await watchEvents(server)
    onTestFinished(() => watcher.leave())
    await chosen.pause()
    const away = { bucketsAway: buckets, buckets: BUCKETS }
    await until(() => watcher.events.at(-1)?.data.bucketsAway?.length === buckets.length, { withinMs: 20_000 })
    const startMs = performance.now()
    expect((await watcher.next()).data).toMatchObject({ totals: { orgs: others.length }, refusals: [], ...away })
    // The page takes a stream that says nothing for 4 s for an old one.
    expect(performance.now() - startMs).toBeLessThan(4_000)
    const askedMs = performance.now()
    expect(await ask('orgs', 'orgs')).toMatchObject(away)
    // Two waits of 2 s that follow each other would leave the command line a second.
    expect(performance.now() - askedMs).toBeLessThan(3_500)
    const where = ['--redis', cluster.url, '--key-prefix', keyPrefix]
    const top = await spawnNode('dist/cli/main.js', ['top', ...where])
    onTestFinished(() => top.kill())
    for (const { stdout } of await Promise.all([command('check'), command('check', ...where)]))
      expect(stdout).toContain(`CRITICAL - ${buckets.length} of ${BUCKETS} buckets away`)
    await until(() => top.stdout().includes(' away: '), { withinMs: 20_000 })
    expect(top.stdout()).toContain('their orgs, what nodes hold there and who was refused are not shown')
    const doctorMs = performance.now()
    const { findings } = JSON.parse((await command('doctor', '--json', ...where)).stdout) as Findings
    expect(findings.filter(({ code }) => code === 'BUCKET_AWAY')).toHaveLength(buckets.length)
    // It looks twice. A wait of 2 s for each bucket, one after the other, would be as much as half a minute.
    expect(performance.now() - doctorMs).toBeLessThan(4_000 * buckets.length - 4_000)
    await chosen.resume()
    await until(async () => !(await ask('orgs', 'orgs')).bucketsAway, { withinMs: 20_000 })
    expect((await ask('orgs', 'orgs')).orgs).toHaveLength(ORGS.length)
  }, 120_000)
})
