import { afterAll, afterEach, beforeEach, describe } from 'vitest'
import { contractSuite } from '../contract/suite.js'
import { redisBench } from '../support/store-bench.js'
import { mutantsToJudge, tellFate } from './mutants.js'

/** The contract suite over Redis, once for each mutant. One test that fails is enough: the others are passed over. */
for (const { id, script } of mutantsToJudge()) {
  describe(id, () => {
    let killed = false
    beforeEach(({ skip }) => {
      if (killed) skip()
    })
    afterEach(({ task }) => {
      killed ||= task.result?.state === 'fail'
    })
    afterAll(() => tellFate(id, killed ? 'killed' : 'survived'))

    contractSuite('RedisStore', (options) => redisBench({ ...options, script }))
  })
}
