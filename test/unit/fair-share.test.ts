import { describe, expect, test } from 'vitest'
import { FairShare } from '../../src/core/structures/fair-share.js'
import { collectedHeapBytes } from '../support/collected-heap.js'

/** How many of `wanted` somebody gets. */
function taken(share: FairShare, who: string, wanted: number): number {
  return Array.from({ length: wanted }, () => share.enter(who)).filter(Boolean).length
}

describe('places of which nobody may hold more than are left', () => {
  test('one alone gets half, and the next half of the rest, until there is one for each', () => {
    const share = new FairShare(512)
    expect([taken(share, 'a', 1_000), taken(share, 'b', 1_000), taken(share, 'c', 1_000)]).toEqual([256, 128, 64])
    expect([taken(share, 'd', 1), taken(share, 'a', 1)]).toEqual([1, 0])
  })

  test('what is left is free for others, and for who had it', () => {
    const share = new FairShare(4)
    expect([taken(share, 'a', 3), taken(share, 'b', 3), taken(share, 'c', 3), taken(share, 'd', 3)]).toEqual([
      2, 1, 1, 0,
    ])
    share.leave('a')
    // It has one yet, and one is free.
    expect([taken(share, 'a', 1), taken(share, 'd', 1)]).toEqual([0, 1])
    share.leave('d')
    for (const who of ['a', 'b']) share.leave(who)
    expect([taken(share, 'a', 3), taken(share, 'b', 3)]).toEqual([2, 1])
    for (const who of ['a', 'a', 'b', 'c']) share.leave(who)
    expect(taken(share, 'z', 9)).toBe(2)
  })

  test('who holds none is forgotten', () => {
    const share = new FairShare(4)
    const come = (from: number, count: number) => {
      for (let n = from; n < from + count; n++) {
        share.enter(`somebody-${n}`)
        share.leave(`somebody-${n}`)
      }
    }
    come(0, 10_000)
    const before = collectedHeapBytes()
    come(10_000, 200_000)
    expect(collectedHeapBytes() - before).toBeLessThan(1_000_000)
  })
})
