import { expect, test } from 'vitest'
import { Scenario } from '../simulation/scenario.js'

/** A few days of the simulation, a test each: most mistakes in the node break a promise within these. */
const DAYS = Array.from({ length: 12 }, (_, i) => i + 1)

test.each(DAYS)('day %d keeps its promises', { timeout: 60_000 }, async (seed) => {
  expect((await new Scenario(seed, {}).run()).violation).toBeUndefined()
})
