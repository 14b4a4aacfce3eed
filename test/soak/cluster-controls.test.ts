import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { brokenServer } from '../support/broken-build.js'
import { BROKEN } from '../support/broken-on-purpose.js'
import { type Fleet, startFleet } from '../support/fleet.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { flushScripts, loseAnswers, speakLate, stormThrough } from '../support/storm-faults.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'

const ORGS = ['acme', 'globex', 'initech', 'umbrella']
const STORM = { faults: 30, answers: 400 }

leakGate()

describe('control: the storms find out nodes that are broken on purpose', () => {
  let redis: TestRedis
  let proxy: TcpProxy
  let fleet: Fleet | undefined

  afterEach(async () => {
    await fleet?.stop()
    await proxy?.stop()
    await redis?.stop()
  })

  async function start(script: string): Promise<Fleet> {
    redis = await startRedis()
    const client = new Redis(redis.url)
    await client.script('LOAD', SCRIPT)
    client.disconnect()
    proxy = await startProxy(redis.port, redis.host)
    fleet = await startFleet({ orgs: ORGS, redis, redisUrl: (node) => (node === 0 ? proxy.url : redis.url), script })
    return fleet
  }

  /** One storm may pass by luck, so there are several; resolves to what the first that did not pass said. */
  async function firstFailure(broken: Fleet, fault: () => Promise<unknown>): Promise<string> {
    for (let storm = 0; storm < 10; storm++) {
      const failure = await stormThrough(broken, ORGS, STORM, fault).then(
        () => undefined,
        (error: Error) => error.message,
      )
      if (failure !== undefined) return failure
    }
    return 'all storms passed'
  }

  test('a fence that does not look at the generation: what comes late takes slots', async () => {
    const broken = await start(brokenServer(...BROKEN.fenceBlindToGenerations))
    const failure = await firstFailure(broken, () => speakLate(proxy, broken.books, 'node-1'))
    expect(failure).toContain('the books do not agree')
  })

  test('a node that forgets what went unanswered: slots are left over', async () => {
    const broken = await start(brokenServer(...BROKEN.forgetsWhatWentUnanswered))
    const failure = await firstFailure(broken, () => loseAnswers(proxy, broken))
    expect(failure).toContain('the books do not agree')
  })

  test('a script that is not sent again: clients see it', async () => {
    const broken = await start(brokenServer(...BROKEN.scriptNotSentAgain))
    const failure = await firstFailure(broken, () => flushScripts(broken.books.redis))
    expect(failure).toContain('503 STORE_UNAVAILABLE')
  })
})
