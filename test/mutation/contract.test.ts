import { afterAll, afterEach, describe } from 'vitest'
import { contractSuite } from '../contract/suite.js'
import { redisBench } from '../support/store-bench.js'
import { mutantsToJudge, tellFate } from './mutants.js'

/** The contract suite over Redis, once for each mutant. One test that fails is enough: the others have then no bench. */
for (const { id, script } of mutantsToJudge()) {
  describe(id, () => {
    let killed = false
    afterEach(({ task }) => {
      killed ||= task.result?.state === 'fail'
    })
    afterAll(() => tellFate(id, killed ? 'killed' : 'survived'))

    contractSuite('RedisStore', async (options) => {
      if (killed) throw new Error(`${id} is dead already`)
      return redisBench({ ...options, script })
    })
  })
}
