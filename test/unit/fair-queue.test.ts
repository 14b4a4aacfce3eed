import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FairQueue } from '../../src/core/structures/fair-queue.js'

interface Member {
  readonly n: number
  readonly name: string | undefined
}

/** The same, as plainly as it can be said. */
function pushed(queue: readonly Member[], member: Member, capacity: number): readonly Member[] {
  if (queue.length < capacity) return [...queue, member]
  const sizeOf = ({ name }: Member) => queue.filter((other) => other.name === name).length
  const most = Math.max(...queue.map(sizeOf))
  const dropped = sizeOf(queue[0]!) === most ? queue[0] : queue.find((other) => sizeOf(other) === most)
  return [...queue.filter((other) => other !== dropped), member]
}

const sizesOf = (queue: readonly Member[]) => {
  const sizes = new Map<string | undefined, number>()
  for (const { name } of queue) sizes.set(name, (sizes.get(name) ?? 0) + 1)
  return [...sizes.values()].sort()
}

const steps = fc.array(fc.oneof(fc.constantFrom(undefined, 'a', 'b', 'c'), fc.constantFrom(1, 2, 5)), { maxLength: 80 })

describe('a fair queue', () => {
  test('keeps the order, drops of the group that has most, and says what', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 9 }), (steps, capacity) => {
        const queue = new FairQueue<Member>(capacity)
        let [kept, n] = [[] as readonly Member[], 0]
        for (const step of steps) {
          if (typeof step === 'number') {
            expect(queue.take(step)).toEqual(kept.slice(0, step))
            kept = kept.slice(step)
            continue
          }
          const member = { n: n++, name: step }
          const dropped = queue.push(member, step)
          const left = queue.list().reverse()
          expect(dropped).toEqual([...kept, member].find((other) => !left.includes(other)))
          // Of groups that are equally large any may lose one.
          expect(sizesOf(left)).toEqual(sizesOf(pushed(kept, member, capacity)))
          if (kept.length === capacity && dropped?.name === kept[0]!.name) expect(dropped).toBe(kept[0])
          expect(left).toEqual([...kept, member].filter((other) => other !== dropped))
          expect(queue.size).toBe(left.length)
          kept = left
        }
      }),
    )
  })

  test('of as many groups as members drops the oldest of all', () => {
    const queue = new FairQueue<number>(3)
    expect([0, 1, 2, 3, 4].map((n) => queue.push(n, `group-${n}`))).toEqual([undefined, undefined, undefined, 0, 1])
    expect(queue.list()).toEqual([4, 3, 2])
  })

  test('costs no more when it is long', () => {
    const queue = new FairQueue<number>(200_000)
    for (let n = 0; n < 200_000; n++) queue.push(n, n < 99_999 ? 'first' : 'second')
    const startMs = performance.now()
    for (let n = 0; n < 100_000; n++) queue.push(n, n % 3 ? 'second' : 'third')
    expect(performance.now() - startMs).toBeLessThan(2_000)
  })
})
