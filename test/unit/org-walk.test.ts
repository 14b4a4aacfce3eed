import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { OrgWalk } from '../../src/observe/view/org-walk.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis } from '../support/redis.js'

leakGate()

const OTHERS = 20_000

test('one step finds all orgs of a small cluster, though another program has thousands of keys beside them', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const other = new Redis(redis.url)
  onTestFinished(() => other.disconnect())
  await other.eval(`for i = 1, ${OTHERS} do redis.call('SET', 'other:' .. i, '') end`, 0)
  const limiter = createLimiter({ redis: redis.url, leaseTtlMs: 4_000, renewIntervalMs: 200, storeTimeoutMs: 1_000 })
  onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
  await limiter.ready()
  const orgs = Array.from({ length: 40 }, (_, i) => `org-${i}`)
  for (const org of orgs) expect(await limiter.admit({ org })).toMatchObject({ admitted: true })
  const { count, fullest } = await new OrgWalk(limiter.stats).step()
  expect([count, fullest.length]).toEqual([40, 40])
})
