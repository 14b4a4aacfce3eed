import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { contractSuite } from '../contract/suite.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { redisBench } from '../support/store-bench.js'
import { mutantsToJudge, tellFate } from './mutants.js'

/**
 * The contract suite over Redis, once for each mutant. One test that fails is enough: the others are passed over. Each
 * has a Redis of its own: a script that never ends takes it along.
 */
for (const { id, script } of mutantsToJudge()) {
  describe(id, () => {
    let redis: TestRedis
    let [ran, killed] = [false, false]
    beforeAll(async () => {
      redis = await startRedis()
    })
    beforeEach(({ skip }) => {
      ran = true
      if (killed) skip()
    })
    afterEach(({ task }) => {
      killed ||= task.result?.state === 'fail'
    })
    afterAll(async () => {
      // One that no test has run against has no verdict.
      if (ran) tellFate(id, killed ? 'killed' : 'survived')
      await redis.stop()
    })

    contractSuite('RedisStore', (options) => redisBench({ ...options, url: redis.url, script }))
  })
}
