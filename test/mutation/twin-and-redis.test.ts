import { expect, test } from 'vitest'
import { checkSequences } from '../property/run.js'
import { sharedRedisUrl } from '../support/redis.js'
import { redisBench } from '../support/store-bench.js'
import { done } from '../support/store-node.js'

/** The script has no mistake here, the twin may have one: then it is the twin that does not answer as the other does. */
test('random sequences of calls', { timeout: 60_000 }, async () => {
  const bench = await redisBench({ url: sharedRedisUrl(), recovery: true })
  try {
    const connection = done(await bench.store.connect())
    const parameters = { seed: 1, numRuns: 40, endOnFailure: true }
    const reached = await checkSequences(bench, connection, { twin: true, ledger: false }, parameters)
    expect(reached.size).toBeGreaterThan(0)
  } finally {
    await bench.close()
  }
})
