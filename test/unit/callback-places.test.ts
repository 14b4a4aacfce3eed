import { expect, test } from 'vitest'
import { CallbackPlaces } from '../../src/identity/callback-places.js'
import { ManualClock } from '../support/manual-clock.js'

const PATIENCE_MS = 750

/** Attempts that ask for a place, who has got one in which order, and who has been told that there is none. */
function crowd() {
  const clock = new ManualClock()
  const places = new CallbackPlaces(clock)
  const [inside, refused] = [[] as { readonly from: string; readonly leave: () => void }[], [] as string[]]
  const come = async (from: string, count = 1) => {
    for (let n = 0; n < count; n++) {
      void places.ofAttempt(from).then((leave) => (leave ? inside.push({ from, leave }) : refused.push(from)))
    }
    await settled()
  }
  const leave = async (count: number) => {
    for (const { leave } of inside.splice(0, count)) leave()
    await settled()
  }
  return { clock, places, inside, refused, come, leave }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('attempts have 28 of 32 places; the rounds find the others', async () => {
  const { places, inside, come } = crowd()
  await come('a', 40)
  expect(inside).toHaveLength(28)
  const ofRounds = Array.from({ length: 5 }, () => places.ofRound())
  expect(ofRounds.map((leave) => leave !== undefined)).toEqual([true, true, true, true, false])
  ofRounds[0]!()
  await settled()
  expect(inside, 'what the rounds leave is not for attempts').toHaveLength(28)
  expect(places.ofRound()).toBeDefined()
})

test('those who wait take turns by address, and each address keeps its order', async () => {
  const { inside, come, leave } = crowd()
  await come('first', 28)
  await come('many', 20)
  await come('few', 2)
  await come('one')
  await leave(28)
  expect(inside.map(({ from }) => from).slice(0, 7)).toEqual(['many', 'few', 'one', 'many', 'few', 'many', 'many'])
  expect(inside).toHaveLength(23)
})

test('no address has more of the room than it leaves to others', async () => {
  const { clock, refused, come } = crowd()
  await come('many', 28 + 5_000)
  expect(refused).toHaveLength(5_000 - 256)
  await come('other', 600)
  expect(refused.filter((from) => from === 'other')).toHaveLength(600 - 128)
  await come('one')
  expect(refused).not.toContain('one')
  clock.advance(PATIENCE_MS)
  await settled()
  expect(refused).toContain('one')
  expect(clock.pending).toBe(0)
})

test('who has waited in vain takes no place, and what it waited in is free again', async () => {
  const { clock, inside, refused, come, leave } = crowd()
  await come('a', 28 + 10)
  clock.advance(PATIENCE_MS)
  await settled()
  expect(refused).toHaveLength(10)
  await leave(28)
  await come('b', 28 + 256)
  expect([inside.length, refused.length]).toEqual([28, 10])
  await leave(28)
  expect(inside).toHaveLength(28)
  clock.advance(PATIENCE_MS)
})
