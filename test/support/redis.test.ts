import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { leakGate } from './leak-gate.js'
import { freshPrefix, sharedRedisUrl, startRedis, type TestRedis } from './redis.js'
import { findLauncher } from './redis-launcher.js'
import { until } from './until.js'

leakGate()

let redis: TestRedis | undefined
let client: Redis | undefined

afterEach(async () => {
  client?.disconnect()
  await redis?.stop()
})

function connected(url: string): Redis {
  client = new Redis(url, { commandTimeout: 500, maxRetriesPerRequest: 0, retryStrategy: () => null })
  client.on('error', () => {})
  return client
}

describe('the Redis of the tests', () => {
  test('the shared one is 7.0 or later and never evicts', async () => {
    const shared = connected(sharedRedisUrl())
    const version = /redis_version:(\d+)/.exec(await shared.info('server'))?.[1]
    expect(Number(version)).toBeGreaterThanOrEqual(7)
    expect(await shared.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
  })

  test('a prefix is fresh each time', () => {
    expect(freshPrefix()).not.toBe(freshPrefix())
    expect(freshPrefix()).toMatch(/^t[0-9a-f]{12}:1:$/)
  })

  test('a paused one answers nothing, and everything when it is resumed', async () => {
    redis = await startRedis()
    const held = connected(redis.url)
    expect(await held.set('k', '1')).toBe('OK')
    await redis.pause()
    await expect(held.get('k')).rejects.toThrow('Command timed out')
    await redis.resume()
    await until(() => held.get('k'))
  })

  test('a restarted one has the same port and no data', async () => {
    redis = await startRedis()
    await connected(redis.url).set('k', '1')
    client?.disconnect()
    await redis.restart()
    expect(await connected(redis.url).get('k')).toBeNull()
  })

  test('a killed one comes back with its data if it was told to persist', async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    await connected(redis.url).set('k', '1')
    await redis.kill()
    await until(() => client?.status === 'end')
    await expect(connected(redis.url).get('k')).rejects.toThrow()
    await redis.restart()
    expect(await connected(redis.url).get('k')).toBe('1')
  })

  test('an unknown provider is refused, not skipped', async () => {
    await expect(findLauncher({ TEST_REDIS_PROVIDER: 'mock' })).rejects.toThrow("'mock'")
  })
})
