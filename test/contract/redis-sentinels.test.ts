import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import type { StoreConnection } from '../../src/store/lease-store.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { type FakeSentinel, startFakeSentinel } from '../support/fake-sentinel.js'
import { leakGate } from '../support/leak-gate.js'
import { freePort } from '../support/ports.js'
import { freshPrefix, sharedRedisUrl, startRedis, type TestRedis } from '../support/redis.js'
import { done } from '../support/store-node.js'
import { until } from '../support/until.js'

leakGate()

const TIMING = leaseTiming({ ttlMs: 8_000, renewIntervalMs: 200, callTimeoutMs: 2_000 })
const ACTUAL = { port: Number(new URL(sharedRedisUrl()).port || 6379) }
const hello = { lease: 7, generation: 1, proposedEpoch: 'e', proposedSecret: 's', reasserting: false, nodeInfo: '{}' }

async function sentinel(primary?: FakeSentinel['primary']): Promise<FakeSentinel> {
  const started = await startFakeSentinel(primary)
  onTestFinished(() => started.stop())
  return started
}

async function another(): Promise<TestRedis> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  return redis
}

function storeAt(sentinels: readonly FakeSentinel[], { login = '', options = '', morePorts = [] as number[] } = {}) {
  const hosts = [...sentinels.map(({ port }) => port), ...morePorts].map((port) => `127.0.0.1:${port}`)
  const url = `redis+sentinel://${login}${hosts.join(',')}/m${options}`
  const store = new RedisStore({ url, timing: TIMING, clock: systemClock, keyPrefix: freshPrefix() })
  onTestFinished(() => store.close())
  return store
}

/** Which of the Redises a connection goes to, as their own commands tell. */
async function says(connection: StoreConnection): Promise<string> {
  const reply = await connection.hello(hello)
  return reply.status === 'unanswered' ? reply.cause : reply.status
}

describe('sentinels say who is primary', () => {
  test('one of them is enough, whatever ails the others (R2)', async () => {
    const silent = await sentinel()
    silent.silent = true
    const store = storeAt([await sentinel(), silent, await sentinel(ACTUAL)], { morePorts: [await freePort()] })
    const began = performance.now()
    expect(await says(done(await store.connect()))).toBe('ok')
    expect(performance.now() - began).toBeLessThan(TIMING.callTimeoutMs)
    expect(await store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 0 }])
  })

  test('of two answers the newer counts, also when it comes from fewer', async () => {
    const gone = { port: await freePort(), configEpoch: 3 }
    const old = [await sentinel(gone), await sentinel(gone)]
    const store = storeAt([...old, await sentinel({ ...ACTUAL, configEpoch: 4 })])
    expect(await says(done(await store.connect()))).toBe('ok')
  })

  test('control: with the epochs the other way round the store goes where nobody is', async () => {
    const gone = { port: await freePort(), configEpoch: 5 }
    const store = storeAt([await sentinel(gone), await sentinel({ ...ACTUAL, configEpoch: 4 })])
    expect(await store.connect()).toMatchObject({ status: 'unanswered', cause: expect.stringContaining('REFUSED') })
  })

  test('each connection asks anew', async () => {
    const one = await sentinel({ port: await freePort(), configEpoch: 1 })
    const store = storeAt([one])
    expect((await store.connect()).status).toBe('unanswered')
    one.primary = { ...ACTUAL, configEpoch: 2 }
    expect(await says(done(await store.connect()))).toBe('ok')
    expect(one.asked).toBeGreaterThanOrEqual(2)
  })

  test('a replica that one names refuses hello, and the cause says so', async () => {
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', '1'] })
    onTestFinished(() => replica.stop())
    const store = storeAt([await sentinel({ port: replica.port, configEpoch: 1 })])
    expect(await says(done(await store.connect()))).toMatch(/READONLY.*this is a replica/)
  })

  test('with a password of their own, which is not the one of Redis', async () => {
    const asking = await sentinel({ ...ACTUAL, configEpoch: 1 })
    asking.password = 'p&w'
    const wrong = storeAt([asking], { options: '?sentinelPassword=nonsense' })
    expect(await wrong.connect()).toMatchObject({ cause: expect.stringContaining('WRONGPASS') })
    const store = storeAt([asking], { options: '?sentinelPassword=p%26w' })
    expect(await says(done(await store.connect()))).toBe('ok')
    expect(store.description).not.toContain('w%')
  })

  test('none that answers is said, each with its reason, within the deadline (R2)', async () => {
    const silent = await sentinel()
    silent.silent = true
    const asking = await sentinel()
    asking.password = 'pw'
    const port = await freePort()
    const began = performance.now()
    const reply = await storeAt([silent, asking, await sentinel()], { morePorts: [port] }).connect()
    expect(performance.now() - began).toBeLessThan(TIMING.callTimeoutMs + 2_000)
    const cause = reply.status === 'unanswered' ? reply.cause : ''
    expect(cause).toContain('no sentinel names a primary "m"')
    expect(cause).toContain(`127.0.0.1:${silent.port}: no answer in time`)
    expect(cause).toContain(`127.0.0.1:${asking.port}: NOAUTH`)
    expect(cause).toContain('it does not know that name')
    expect(cause).toContain(`ECONNREFUSED 127.0.0.1:${port}`)
  })

  test('a store that is closed meanwhile stops asking at once', async () => {
    const silent = await sentinel()
    silent.silent = true
    const store = storeAt([silent])
    const connecting = store.connect()
    const began = performance.now()
    await store.close()
    expect(await connecting).toEqual({ status: 'unanswered', cause: 'the store is closed' })
    expect(performance.now() - began).toBeLessThan(TIMING.callTimeoutMs / 4)
  })
})

describe('a primary that was replaced and does not know (R4)', () => {
  test('is left as soon as a sentinel knows, and questions go to the new one', async () => {
    const old = await another()
    const one = await sentinel({ port: old.port, configEpoch: 1 })
    const deaf = await sentinel({ port: old.port, configEpoch: 1 })
    const store = storeAt([one, deaf])
    const before = done(await store.connect())
    expect(await says(before)).toBe('ok')
    expect(await store.inspector.nodes()).toHaveLength(1)
    one.primary = { ...ACTUAL, configEpoch: 2 }
    expect(await before.closed).toBe('the sentinels name another primary')
    expect(await says(done(await store.connect()))).toBe('ok')
    await old.kill()
    expect(await store.inspector.nodes()).toHaveLength(1)
  })

  test('control: is not left for an answer that is no newer, nor when sentinels fall silent', async () => {
    const one = await sentinel({ ...ACTUAL, configEpoch: 2 })
    const store = storeAt([one])
    const connection = done(await store.connect())
    expect(await says(connection)).toBe('ok')
    for (const change of [{ port: 1, configEpoch: 2 }, { port: 1, configEpoch: 1 }, undefined]) {
      one.primary = change
      const { asked } = one
      await until(() => one.asked > asked + 1, { what: 'asked twice more' })
    }
    expect((await connection.renew({ lease: 7, generation: 1, epoch: 'none' })).status).toBe('refused')
  })
})
