import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { type Fleet, startFleet } from '../support/fleet.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { flushScripts, haveBothLines, loseAnswers, speakLate, stormThrough } from '../support/storm-faults.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'

const ORGS = ['acme', 'globex', 'initech', 'umbrella']
const STORM = { faults: 200, answers: 5_000, forMs: 60_000 }

describe('S4: a long storm of connects and closes over three nodes', () => {
  let redis: TestRedis
  let proxy: TcpProxy
  let fleet: Fleet

  beforeAll(async () => {
    redis = await startRedis()
    proxy = await startProxy(redis.port, redis.host)
    fleet = await startFleet({ orgs: ORGS, redis, redisUrl: (node) => (node === 0 ? proxy.url : redis.url) })
  })
  beforeEach(() => haveBothLines(proxy, fleet))
  afterAll(async () => {
    await fleet?.stop()
    await proxy?.stop()
    await redis?.stop()
  })
  leakGate({ prefix: () => fleet.books.keys.admission.replace(/admission$/, ''), redisUrl: () => redis.url })

  test.each([
    ['SCRIPT FLUSH ten times a second', () => flushScripts(fleet.books.redis)],
    ['late bytes of dropped connections', () => speakLate(proxy, fleet.books, 'node-1')],
    ['lost answers', () => loseAnswers(proxy, fleet)],
  ])('%s', async (_, fault) => {
    await stormThrough(fleet, ORGS, STORM, fault)
  })

  test('all of it in turn', async () => {
    const all = [() => flushScripts(fleet.books.redis), () => loseAnswers(proxy, fleet)]
    all.push(async () => void (await speakLate(proxy, fleet.books, 'node-1')))
    await stormThrough(fleet, ORGS, STORM, () => all[Math.floor(Math.random() * all.length)]!())
  })
})
