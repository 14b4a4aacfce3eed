import { expect, test } from 'vitest'
import { floodNames } from '../support/name-flood.js'

test('a million addresses do not grow a meter of the usual size beyond its bound', async () => {
  const flood = await floodNames(1_000_000, { most: 1_000, maxNames: 50_000 })
  expect(flood).toMatchObject({ remembered: 50_000, loudTried: 2_000, loudRefused: 1_000 })
  expect(flood.heapGrowthBytes).toBeLessThan(40_000_000)
})
