import { describe, expect, test } from 'vitest'
import { SHIPPED } from '../../chaos/terms.js'
import { broken, type ChaosStory, full, type ToldTwice } from '../support/chaos-story.js'

const CLOSE = { ...SHIPPED, onLeaseLost: 'close' } as const

const cases: readonly ToldTwice[] = [
  {
    name: 'S7: a node that is cut off has closed at the end of D',
    finds: 'S7',
    well(story) {
      const [cut] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 30_000, 0)
      story.closedBy(16_400, cut!, 1013)
      story.opens(21_000, 1)
    },
    breach(story) {
      const [cut] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 30_000, 0)
      story.closedBy(19_000, cut!, 1013)
      story.opens(21_000, 1)
    },
  },
  {
    name: 'S7: one that is frozen at the end of D closes when it runs again',
    finds: 'S7',
    well(story) {
      const [cut] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 40_000, 0)
      story.effect('paused', 12_000, 24_000, 0)
      story.opens(21_000, 1)
      story.closedBy(24_400, cut!, 1013)
    },
    breach(story) {
      const [cut] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 40_000, 0)
      story.effect('paused', 12_000, 24_000, 0)
      story.closedBy(26_000, cut!, 1013)
    },
  },
  {
    name: 'S7: nor does anybody stay while all are without the store',
    finds: 'S7',
    well(story) {
      const all = full(story, 0, 1, 2)
      story.effect('store-away', 5_000, 30_000)
      for (const each of all) story.closedBy(16_300, each, 1013)
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.effect('store-away', 5_000, 30_000)
    },
  },
  {
    name: 'R5: the slots of a frozen node may be given on, but it keeps nothing when it runs again',
    finds: 'S1',
    well(story) {
      const [frozen] = full(story, 0, 1, 2)
      story.effect('paused', 5_000, 25_000, 0)
      story.opens(21_000, 1)
      story.closedBy(25_400, frozen!, 1013)
    },
    breach(story) {
      const [frozen] = full(story, 0, 1, 2)
      story.effect('paused', 5_000, 25_000, 0)
      story.opens(21_000, 1)
      story.closedBy(28_000, frozen!, 4408)
    },
  },
  {
    name: 'R5: nor are those of a node that is cut off given on before it has closed, by a store that was lost',
    finds: 'S1',
    well(story) {
      const [cut] = full(story, 0, 1, 2)
      story.effect('store-lost', 3_000)
      story.effect('cut-off', 5_000, 30_000, 0)
      story.closedBy(16_000, cut!, 1013)
      story.opens(18_500, 1)
    },
    breach(story) {
      const [cut] = full(story, 0, 1, 2)
      story.effect('store-lost', 3_000)
      story.effect('cut-off', 5_000, 30_000, 0)
      story.closedBy(16_000, cut!, 1013)
      story.opens(15_000, 1)
    },
  },
  {
    name: 'R1: a node that was away for a moment has told the new store of its own, and nobody is too many for it',
    finds: 'S1',
    well(story) {
      full(story, 0, 1, 2)
      story.effect('store-lost', 6_000)
      story.effect('paused', 6_500, 12_000, 0)
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.effect('store-lost', 6_000)
      story.effect('paused', 6_500, 12_000, 0)
      story.opens(22_000, 1)
    },
  },
  {
    name: 'R1: newcomers wait until a node that is cut off has closed',
    finds: 'R1',
    well(story) {
      story.effect('store-lost', 6_000)
      story.opens(21_000)
    },
    breach(story) {
      story.effect('store-lost', 6_000)
      story.opens(14_000)
    },
  },
  {
    name: 'R2: nobody is closed for a store that was away for less than D',
    finds: 'R1–R3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('store-away', 5_000, 16_500)
      story.closedBy(12_800, first!, 1013)
      for (const other of [2, 3]) story.closedBy(16_300, other, 1013)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('store-away', 5_000, 12_000)
      story.closedBy(11_000, first!, 1013)
    },
  },
]

describe('the checker of chaos runs, where nodes close what they hold once they do not trust their lease', () => {
  test.each(cases)('$name', ({ finds, well, breach }) => {
    expect(broken(well, { terms: CLOSE })).toEqual([])
    expect(broken(breach, { terms: CLOSE })).toEqual([finds])
  })

  test('control: where they keep it, none of this is asked of them, and 1013 is no reason', () => {
    const kept = (story: ChaosStory) => {
      full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 30_000, 0)
    }
    const closed = (story: ChaosStory) => {
      const [cut] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 30_000, 0)
      story.closedBy(16_400, cut!, 1013)
    }
    expect(broken(kept)).toEqual([])
    expect(broken(closed)).toEqual(['R1–R3'])
  })
})
