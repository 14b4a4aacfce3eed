import { expect, onTestFinished, test } from 'vitest'
import { RateMeter } from '../../src/gate/rate-meter.js'
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

test('attempts at once are numbered one by one: there is a first, and one that uses up the last', async () => {
  const meter = new RateMeter({ most: 4 })
  onTestFinished(() => meter.stop())
  const packet = () => Promise.all(Array.from({ length: 3 }, () => meter.nth('name')))
  const numbered = [...(await packet()), ...(await packet())]
  expect(numbered.map(({ nth }) => nth)).toEqual([1, 2, 3, 4, 5, 6])
  expect(numbered.filter(({ isLast }) => isLast)).toEqual([{ nth: 4, isLast: true }])
})
