import { beforeEach, expect, test } from 'vitest'
import { Deadlines, type Waiting } from '../../src/core/structures/deadlines.js'
import { ManualClock } from '../support/manual-clock.js'

interface Member extends Waiting {
  readonly name: string
}

const AFTER_MS = 1_000

let clock: ManualClock
let expired: string[]
let deadlines: Deadlines<Member>

beforeEach(() => {
  clock = new ManualClock()
  expired = []
  deadlines = new Deadlines(clock, AFTER_MS, ({ name }) => expired.push(`${name} ${clock.monotonicMs()}`))
})

function add(name: string): Member {
  const member = { name, waitsSinceMs: 0, turn: -1 }
  deadlines.add(member)
  return member
}

test('each has its time, the first to come the first', () => {
  const startMs = clock.monotonicMs()
  add('a')
  clock.advance(300)
  add('b')
  add('c')
  clock.advance(AFTER_MS - 301)
  expect(expired).toEqual([])
  clock.advance(1)
  expect(expired).toEqual([`a ${startMs + AFTER_MS}`])
  clock.advance(300)
  expect(expired.slice(1)).toEqual(['b', 'c'].map((name) => `${name} ${startMs + AFTER_MS + 300}`))
  expect([deadlines.size, clock.pending]).toEqual([0, 0])
})

test('who has left is not told, and does not hold up the others', () => {
  const left = add('left')
  clock.advance(500)
  add('stays')
  deadlines.remove(left)
  deadlines.remove(left)
  expect(deadlines.members().map(({ name }) => name)).toEqual(['stays'])
  clock.advance(AFTER_MS - 1)
  expect(expired).toEqual([])
  clock.advance(1)
  expect(expired).toHaveLength(1)
})

test('one timer serves all, and is left to run out where nobody waits', () => {
  for (let i = 0; i < 100; i++) deadlines.remove(add('short'))
  add('a')
  add('b')
  expect(clock.pending).toBe(1)
  for (const member of deadlines.members()) deadlines.remove(member)
  expect(clock.pending).toBe(1)
  clock.advance(AFTER_MS)
  expect([clock.pending, expired]).toEqual([0, []])
})

test('resting stops the timer, unless somebody waits', () => {
  const member = add('a')
  deadlines.rest()
  expect(clock.pending).toBe(1)
  deadlines.remove(member)
  deadlines.rest()
  expect(clock.pending).toBe(0)
  add('later')
  clock.advance(AFTER_MS)
  expect(expired).toHaveLength(1)
})

test('where telling one throws, the others are told all the same', () => {
  const told: string[] = []
  const brittle: Deadlines<Member> = new Deadlines(clock, AFTER_MS, ({ name }) => {
    if (name === 'bad') throw new Error('bad')
    told.push(name)
  })
  for (const name of ['bad', 'good']) brittle.add({ name, waitsSinceMs: 0, turn: -1 })
  expect(() => clock.advance(AFTER_MS)).toThrow('bad')
  clock.advance(10)
  expect(told).toEqual(['good'])
})

test('once stopped, nobody is told', () => {
  add('a')
  deadlines.stop()
  expect([deadlines.size, clock.pending]).toEqual([0, 0])
  clock.advance(AFTER_MS)
  expect(expired).toEqual([])
})

test('who comes while another is told of the end has a time of its own', () => {
  const told: string[] = []
  const chained: Deadlines<Member> = new Deadlines(clock, AFTER_MS, ({ name }) => {
    told.push(name)
    if (name === 'first') chained.add({ name: 'second', waitsSinceMs: 0, turn: -1 })
  })
  chained.add({ name: 'first', waitsSinceMs: 0, turn: -1 })
  clock.advance(AFTER_MS)
  expect(told).toEqual(['first'])
  expect(clock.pending).toBe(1)
  clock.advance(AFTER_MS)
  expect(told).toEqual(['first', 'second'])
})
