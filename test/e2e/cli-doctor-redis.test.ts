import { mkdirSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { doctor } from '../support/doctor.js'
import { operate } from '../support/operator.js'
import { freePort } from '../support/ports.js'
import { freshPrefix, startLocalRedis, type TestRedis } from '../support/redis.js'
import { startRedisCluster } from '../support/redis-cluster.js'
import { SoundBooks } from '../support/sound-books.js'
import { startProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

interface Own {
  readonly server: TestRedis
  /** What it holds, which is sound. */
  readonly books: SoundBooks
}

/** Doctor spends most of its time waiting for its second look; each test has a Redis of its own. */
describe.concurrent('what is wrong with a Redis', () => {
  const onRedis = test.extend<{ own: Own }>({
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads from the pattern what a fixture needs.
    own: async ({}, use) => {
      const server = await startLocalRedis()
      const books = await SoundBooks.write(server.url)
      await use({ server, books })
      books.close()
      await server.stop()
    },
  })

  const examine = ({ server, books }: Own) => doctor(server.url, books.prefix)

  onRedis('SCRIPT_NOT_LOADED', async ({ own }) => {
    await own.books.redis.script('FLUSH')
    expect(await examine(own)).toMatchObject({ code: 1, codes: ['SCRIPT_NOT_LOADED'] })
  })

  const settings: readonly (readonly [code: string, name: string, value: string])[] = [
    ['EVICTION_POLICY', 'maxmemory-policy', 'allkeys-lru'],
    ['MEMORY_FULL', 'maxmemory', '100000'],
    ['REPLICAS_MISSING', 'min-replicas-to-write', '1'],
    ['CLIENTS_NEARLY_FULL', 'maxclients', '2'],
  ]

  onRedis.for(settings)('%s: %s %s', async ([code, name, value], { own }) => {
    await own.books.redis.config('SET', name, value)
    expect((await examine(own)).codes).toContain(code)
  })

  onRedis('MEMORY_NEARLY_FULL', async ({ own }) => {
    const { redis } = own.books
    // So much, and without a buffer for it, that what comes and goes beside it is nothing.
    await redis.setrange('filler', 50_000_000, 'x')
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
    await redis.config('SET', 'maxmemory', Math.floor(used * 1.05))
    expect((await examine(own)).codes.some((code) => code.startsWith('MEMORY_'))).toBe(true)
  })

  onRedis('an append-only file, which keeps the exceptions to limits, is sound', async ({ own }) => {
    await own.books.redis.config('SET', 'appendonly', 'yes')
    expect((await examine(own)).codes).toEqual([])
  })

  onRedis('KEYS_EVICTED while it evicts, KEYS_WERE_EVICTED when it no longer does', async ({ own }) => {
    const { redis } = own.books
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await redis.config('SET', 'maxmemory', '100000')
    await redis.set('filler', 'x').catch(() => {})
    await until(async () => !/evicted_keys:0\r/.test(await redis.info('stats')))
    await redis.config('SET', 'maxmemory', '0')
    expect((await examine(own)).codes).toContain('KEYS_EVICTED')
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    const { codes, findings } = await examine(own)
    expect(codes).not.toContain('KEYS_EVICTED')
    expect(findings.find(({ code }) => code === 'KEYS_WERE_EVICTED')?.severity).toBe('warning')
  })

  onRedis('a policy that evicts only what has an end is sound, whatever it has evicted', async ({ own }) => {
    const { redis } = own.books
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru')
    await redis.set('filler', 'x', 'EX', 1_000)
    await redis.config('SET', 'maxmemory', '100000')
    await redis.set('filler-2', 'x').catch(() => {})
    await until(async () => !/evicted_keys:0\r/.test(await redis.info('stats')))
    await redis.config('SET', 'maxmemory', '0')
    expect((await examine(own)).codes).toEqual([])
  })

  onRedis('REPLICAS_MISSING where one keeps up and two are wanted', async ({ own, onTestFinished }) => {
    const { redis } = own.books
    const replica = await startLocalRedis({ args: ['--replicaof', own.server.host, String(own.server.port)] })
    onTestFinished(() => replica.stop())
    await redis.config('SET', 'min-replicas-to-write', '1')
    await until(async () => /min_slaves_good_slaves:1/.test(await redis.info('replication')), { withinMs: 20_000 })
    expect((await examine(own)).codes, 'control').not.toContain('REPLICAS_MISSING')
    await redis.config('SET', 'min-replicas-to-write', '2')
    const { code, findings } = await examine(own)
    expect(code).toBe(2)
    expect(findings.find((finding) => finding.code === 'REPLICAS_MISSING')?.details).toEqual([
      '1 replica keeps up, and min-replicas-to-write wants more',
    ])
  })

  onRedis('SAVE_FAILED, and WRITES_REFUSED where it does', async ({ own }) => {
    const { redis } = own.books
    // Renaming a snapshot over a directory fails, whoever asks.
    const [, directory] = (await redis.config('GET', 'dir')) as [string, string]
    mkdirSync(`${directory}/dump.rdb/in-the-way`, { recursive: true })
    await redis.bgsave()
    await until(async () => /rdb_last_bgsave_status:err/.test(await redis.info('persistence')))
    const { codes } = await examine(own)
    expect(codes).toContain('SAVE_FAILED')
    expect(codes).not.toContain('WRITES_REFUSED')
    // It refuses them where it is to take snapshots by itself.
    await redis.config('SET', 'save', '3600 1')
    const { code, findings } = await examine(own)
    expect(code).toBe(2)
    expect(findings.find((finding) => finding.code === 'WRITES_REFUSED')?.details.join()).toContain('MISCONF')
    rmSync(`${directory}/dump.rdb`, { recursive: true })
  })

  onRedis('SLOW_ANSWERS', async ({ own, onTestFinished }) => {
    const proxy = await startProxy(own.server.port)
    onTestFinished(() => proxy.stop())
    proxy.delay(60)
    expect((await doctor(proxy.url, own.books.prefix)).codes).toContain('SLOW_ANSWERS')
  })

  onRedis(
    'nodes that renew while it is looked at slowly are no clock that went back',
    async ({ own, onTestFinished }) => {
      const { url, port } = own.server
      const [proxy, keyPrefix] = [await startProxy(port), freshPrefix()]
      onTestFinished(() => proxy.stop())
      const limiter = createLimiter({ redis: url, keyPrefix, leaseTtlMs: 5_000, renewIntervalMs: 500 })
      onTestFinished(() => limiter.drain({ withinMs: 500 }))
      await limiter.ready()
      proxy.delay(60)
      expect((await doctor(proxy.url, keyPrefix)).codes).toEqual(['SLOW_ANSWERS'])
    },
  )

  onRedis('RIGHTS_MISSING, for the user of the address', async ({ own: { server, books } }) => {
    await books.redis.call('ACL', 'SETUSER', 'poor', 'reset', 'on', '>geheim', '~*', '+@all', '-zadd', '-hset')
    const { findings } = await doctor(server.url.replace('redis://', 'redis://poor:geheim@'), books.prefix)
    const found = findings.find(({ code }) => code === 'RIGHTS_MISSING')
    expect(found?.details.join()).toMatch(/'hset'.*'zadd'/)
  })

  onRedis('REPLICA', async ({ own: { server }, onTestFinished }) => {
    // It is to want replicas once it is promoted: until then it misses none.
    const args = ['--replicaof', server.host, String(server.port), '--min-replicas-to-write', '1']
    const replica = await startLocalRedis({ args })
    onTestFinished(() => replica.stop())
    const { codes } = await doctor(replica.url, freshPrefix())
    expect(codes).toContain('REPLICA')
    expect(codes).not.toContain('REPLICAS_MISSING')
  })

  onRedis('a replica whose own clock is behind that of its primary is sound', async ({ own, onTestFinished }) => {
    const replica = await startLocalRedis({ args: ['--replicaof', own.server.host, String(own.server.port)] })
    onTestFinished(() => replica.stop())
    const { redis, keys, prefix } = own.books
    await redis.hset(keys.meta, 'time', Date.now() + 600_000)
    await until(async () => (await redis.wait(1, 0)) === 1, { withinMs: 20_000 })
    expect((await doctor(own.server.url, prefix)).codes).toContain('CLOCK_WENT_BACK')
    const { codes } = await doctor(replica.url, prefix)
    expect(codes).toContain('REPLICA')
    expect(codes.filter((code) => ['CLOCK_WENT_BACK', 'SCRIPT_NOT_LOADED'].includes(code))).toEqual([])
  })

  test('BUCKET_AWAY, and the others are looked at all the same', async ({ onTestFinished }) => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    const all = Array.from({ length: 16 }, (_, bucket) => bucket)
    const owners = await Promise.all(all.map((bucket) => cluster.primaryOf(bucket)))
    const [gone] = cluster.servers
    await gone!.stop()
    const { code, findings } = await doctor(cluster.url, freshPrefix())
    expect(code).toBe(2)
    const away = findings.filter((finding) => finding.code === 'BUCKET_AWAY')
    expect(away.map(({ subject }) => subject)).toEqual(
      all.filter((bucket) => owners[bucket] === gone).map((bucket) => `bucket ${bucket}`),
    )
    for (const { severity, details } of away)
      expect([severity, details]).toEqual(['fault', [expect.stringContaining('ECONNREFUSED')]])
    expect(findings.filter((finding) => finding.code === 'NO_CLUSTER')).toHaveLength(16 - away.length)
    await Promise.all(cluster.servers.slice(1).map((server) => server.stop()))
    const none = await operate(['doctor', '--redis', cluster.url])
    expect(none).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^headcount: redis.+: nobody names .+ECONNREFUSED/),
    })
    expect(none.stdout.split('the store did not answer')).toHaveLength(2)
  }, 60_000)

  test('a cluster that is down for a part of it is one that cannot be looked at', async ({ onTestFinished }) => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    const [gone, ...others] = cluster.servers
    for (const { admin } of others) await admin.config('SET', 'cluster-require-full-coverage', 'yes')
    await gone!.stop()
    await until(
      async () => {
        const told = await Promise.all(others.map(({ admin }) => admin.call('CLUSTER', 'INFO')))
        return told.every((info) => String(info).includes('cluster_state:fail'))
      },
      { withinMs: 20_000 },
    )
    const { code, stdout } = await operate(['doctor', '--redis', cluster.url])
    expect(code).toBe(3)
    expect(stdout).toMatch(/ECONNREFUSED|CLUSTERDOWN/)
    expect(stdout).not.toContain('not looked at')
  }, 60_000)

  test('REDIS_CLUSTER', async ({ onTestFinished }) => {
    // By itself it would take the port 10,000 above its own, which may be somebody else's.
    const bus = ['--cluster-port', String(await freePort())]
    const cluster = await startLocalRedis({ args: ['--cluster-enabled', 'yes', ...bus] })
    onTestFinished(() => cluster.stop())
    const told = await operate(['doctor', '--redis', cluster.url])
    expect(told.stdout).toContain('fault   REDIS_CLUSTER')
  })
})
