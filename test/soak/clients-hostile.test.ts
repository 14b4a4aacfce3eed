import { describe, test } from 'vitest'
import { startHostileNode } from '../support/hostile-node.js'
import { hostileStorm } from '../support/hostile-storm.js'
import { leakGate } from '../support/leak-gate.js'
import { seededRandom } from '../support/misbehave.js'

leakGate()

const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

describe('L1, L6', () => {
  test(`10,000 hostile clients at random moments (seed ${SEED}): nothing kept, nothing grown`, async () => {
    await hostileStorm(await startHostileNode({ pongTimeout: '30s' }), 10_000, seededRandom(SEED))
  })
})
