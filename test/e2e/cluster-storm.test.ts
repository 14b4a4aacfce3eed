import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Fleet, startFleet } from '../support/fleet.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import {
  flushScripts,
  haveBothLines,
  loseAnswers,
  speakLate,
  stormThrough,
  timesForgotten,
} from '../support/storm-faults.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'

const ORGS = ['acme', 'globex', 'initech', 'umbrella']
const STORM = { faults: 12, answers: 300 }

describe('S4: a storm of connects and closes over three nodes', () => {
  let redis: TestRedis
  let proxy: TcpProxy
  let fleet: Fleet

  beforeAll(async () => {
    redis = await startRedis()
    proxy = await startProxy(redis.port, redis.host)
    const redisUrl = (node: number) => (node === 0 ? proxy.url : redis.url)
    fleet = await startFleet({ orgs: ORGS, redis, redisUrl })
  })
  beforeEach(() => haveBothLines(proxy, fleet))
  afterAll(async () => {
    await fleet?.stop()
    await proxy?.stop()
    await redis?.stop()
  })
  leakGate({ prefix: () => fleet.books.keys.admission.replace(/admission$/, ''), redisUrl: () => redis.url })

  test('SCRIPT FLUSH ten times a second: clients see nothing of it, and no slot is left over', async () => {
    const before = await timesForgotten(fleet.books.redis)
    await stormThrough(fleet, ORGS, STORM, () => flushScripts(fleet.books.redis))
    expect((await timesForgotten(fleet.books.redis)) - before, 'control: the flush was felt').toBeGreaterThan(20)
  })

  test('bytes of a dropped Redis connection that come after the reconnect: the same', async () => {
    await stormThrough(fleet, ORGS, STORM, async () => {
      const bytes = await speakLate(proxy, fleet.books, 'node-1')
      expect(bytes, 'control: something did come late').toBeGreaterThan(0)
    })
  })

  test('answers of Redis that are lost: the same', async () => {
    await stormThrough(fleet, ORGS, STORM, () => loseAnswers(proxy, fleet))
  })
})
