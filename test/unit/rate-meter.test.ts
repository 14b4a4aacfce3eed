import { expect, test } from 'vitest'
import { floodNames } from '../support/name-flood.js'

test('names without number do not grow a meter; the one that tries most is not forgotten for them', async () => {
  const flood = await floodNames(100_000, { most: 100, maxNames: 1_000 })
  expect(flood).toMatchObject({ remembered: 1_000, rememberedAfterStop: 0, loudTried: 200, loudRefused: 100 })
  expect(flood.heapGrowthBytes).toBeLessThan(10_000_000)
})

test('control: remembered all, they would', async () => {
  const flood = await floodNames(100_000, { most: 100, maxNames: 1_000_000 })
  expect(flood.remembered).toBe(100_001)
  expect(flood.heapGrowthBytes).toBeGreaterThan(20_000_000)
})
