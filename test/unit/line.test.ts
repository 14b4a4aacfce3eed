import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Line } from '../../src/core/structures/line.js'

/** What is done to a line: somebody comes, the n-th of all who ever came leaves, so many are taken, or all are sent away. */
const STEP = fc.oneof(
  { weight: 200, arbitrary: fc.constant({ is: 'push' } as const) },
  { weight: 200, arbitrary: fc.record({ is: fc.constant('remove' as const), nth: fc.nat(2_000) }) },
  { weight: 50, arbitrary: fc.record({ is: fc.constant('take' as const), most: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.constant({ is: 'clear' } as const) },
)

describe('a line', () => {
  test('is a list from whose front is taken, and from whose middle anybody may leave', () => {
    fc.assert(
      fc.property(fc.array(STEP, { size: 'max', maxLength: 3_000 }), (steps) => {
        const line = new Line<number>()
        const turns: number[] = []
        let expected: number[] = []
        for (const step of steps) {
          if (step.is === 'push') {
            expected.push(turns.length)
            turns.push(line.push(turns.length))
          } else if (step.is === 'remove') {
            const turn = turns[step.nth]
            if (turn === undefined) continue
            line.remove(turn)
            expected = expected.filter((member) => member !== step.nth)
          } else if (step.is === 'take') {
            expect(line.take(step.most)).toEqual(expected.splice(0, step.most))
          } else {
            line.clear()
            expected = []
          }
          expect(line.size).toBe(expected.length)
          expect(line.first).toBe(expected[0])
        }
        expect(line.members()).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  test('turns grow, and none comes twice', () => {
    const line = new Line<string>()
    const turns = [line.push('a'), line.push('b')]
    line.take(2)
    line.clear()
    turns.push(line.push('c'))
    expect(turns).toEqual([...turns].sort((one, other) => one - other))
    expect(new Set(turns).size).toBe(3)
  })

  test('holes at the front are closed up', () => {
    const line = new Line<number>()
    for (let i = 0; i < 100_000; i++) {
      const turn = line.push(i)
      if (i % 100 !== 0) line.remove(turn)
      if (i >= 1_000 && i % 100 === 0) line.take(1)
      expect(line.span).toBeLessThanOrEqual(3_000)
    }
    expect(line.size).toBe(10)
  })

  test('holes behind one that stays last as long as it', () => {
    const line = new Line<number>()
    const stays = line.push(-1)
    for (let i = 0; i < 10_000; i++) line.remove(line.push(i))
    expect([line.size, line.span]).toEqual([1, 10_001])
    line.remove(stays)
    expect([line.size, line.span]).toEqual([0, 0])
  })
})
