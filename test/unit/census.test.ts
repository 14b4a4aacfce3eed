import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Census, type Counted, type Stage } from '../../src/gate/census.js'

const STAGES: readonly Stage[] = ['identifying', 'admitting', 'waiting', 'opening', 'open', 'refused']

interface Socket extends Counted {
  readonly id: number
}

test('everybody is in one stage, whatever way they went', () => {
  const step = fc.record({ id: fc.nat(19), to: fc.option(fc.constantFrom(...STAGES)) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const census = new Census<Socket>()
      const sockets = Array.from({ length: 20 }, (_, id): Socket => ({ id, stage: undefined, place: -1 }))
      const expected = new Map<number, Stage>()
      for (const { id, to } of steps) {
        if (to === null) {
          census.remove(sockets[id]!)
          expected.delete(id)
        } else {
          census.move(sockets[id]!, to)
          expected.set(id, to)
        }
        expect(census.size).toBe(expected.size)
      }
      for (const stage of STAGES) {
        const ids = census.list(stage).map(({ id }) => id)
        const due = [...expected].filter(([, at]) => at === stage).map(([id]) => id)
        expect(ids.sort()).toEqual(due.sort())
        expect(census.count(stage)).toBe(due.length)
      }
      expect(census.list().length).toBe(expected.size)
    }),
  )
})

test('who waits until nobody is left hears of it once the last has gone', async () => {
  const census = new Census<Socket>()
  const [one, other] = [0, 1].map((id): Socket => ({ id, stage: undefined, place: -1 })) as [Socket, Socket]
  census.move(one, 'open')
  census.move(other, 'refused')
  let isEmpty = false
  const empty = census.empty().then(() => {
    isEmpty = true
  })
  census.remove(one)
  census.remove(one)
  await Promise.resolve()
  expect(isEmpty).toBe(false)
  census.remove(other)
  await empty
  await census.empty()
})
