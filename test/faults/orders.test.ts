import { expect, onTestFinished, test } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import { PATIENT, redisStore, startNodes } from '../support/cluster.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

/** At the pace of one node that takes more than two seconds; of an order it hears within half of one. */
const MANY = 640

test('an org that is evicted in hundreds keeps no order for another waiting (S5, L2)', async () => {
  const [prefix, stores] = [freshPrefix(), [] as { close(): Promise<void> }[]]
  const makeStore = () => {
    const store = redisStore(sharedRedisUrl(), prefix, PATIENT)
    stores.push(store)
    return store
  }
  const [owner, other] = (await startNodes(2, makeStore, { timing: PATIENT, connectionsPerOrg: MANY })) as [
    LimiterNode,
    LimiterNode,
  ]
  onTestFinished(async () => {
    await Promise.all([owner.abandon(), other.abandon()])
    await Promise.all(stores.map((store) => store.close()))
  })
  const open = async (org: string, limit?: number) => {
    const admitted = (await owner.admit({ org, limit })) as Admitted
    admitted.lost.addEventListener('abort', () => admitted.release())
    return admitted
  }
  const mallory = await Promise.all(Array.from({ length: MANY }, () => open('mallory')))
  const [acme, globex] = [await open('acme', 1), await open('globex')]
  const told = () => mallory.filter(({ lost }) => lost.aborted).length

  await other.orders.evict({ orgId: 'mallory' })
  await until(() => told() > 0)
  expect((await other.admit({ org: 'acme', limit: 1, resumeToken: acme.resumeToken })).admitted).toBe(true)
  await other.orders.evict({ connectionId: globex.connectionId })
  await until(() => acme.lost.aborted && globex.lost.aborted)
  expect([acme.lost.reason, globex.lost.reason]).toEqual(['TAKEN_OVER', 'EVICTED'])
  expect(told()).toBeLessThan(MANY)
  await until(() => owner.connections === 0)
})
