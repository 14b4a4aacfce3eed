import { beforeEach, describe, expect, test } from 'vitest'
import { Gathering } from '../../src/node/queues/gathering.js'
import { MAX_ITEMS } from '../../src/store/lease-store.js'

let due: (() => void)[]
let nowMs: number
let waiting: number
let inCalls: number
let calls: number[]
let gathering: Gathering

beforeEach(() => {
  due = []
  nowMs = 1_000
  waiting = 0
  inCalls = 0
  calls = []
  gathering = new Gathering({
    clock: { soon: (task) => void due.push(task), monotonicMs: () => nowMs },
    waiting: () => waiting,
    hasCompany: () => waiting + inCalls > 1,
    call: () => calls.push(waiting),
  })
})

/** So many come in one turn of the event loop, each of whom begins to wait. */
function turn(coming: number): void {
  for (let n = 0; n < coming; n++) {
    waiting++
    gathering.begin()
  }
  for (const task of due.splice(0)) task()
}

describe('a call', () => {
  test('of somebody alone leaves at the end of the turn', () => {
    turn(1)
    expect([calls, due]).toEqual([[1], []])
  })

  test('of several waits for a turn that brings nobody', () => {
    for (const coming of [2, 1, 3]) turn(coming)
    expect(calls).toEqual([])
    turn(0)
    expect([calls, due]).toEqual([[6], []])
  })

  test('of one who has company in a call under way waits too', () => {
    inCalls = 1
    turn(1)
    expect(calls).toEqual([])
    turn(0)
    expect(calls).toEqual([1])
  })

  test('that is full waits for nobody', () => {
    turn(MAX_ITEMS - 1)
    expect(calls).toEqual([])
    turn(1)
    expect(calls).toEqual([MAX_ITEMS])
  })

  test('waits for eight turns at most', () => {
    inCalls = 1
    for (let n = 0; n < 8; n++) turn(1)
    expect(calls).toEqual([])
    turn(1)
    expect(calls).toEqual([9])
  })

  test('waits for two milliseconds at most, however long its turns are', () => {
    inCalls = 1
    turn(1)
    nowMs += 1.9
    turn(1)
    expect(calls).toEqual([])
    nowMs += 0.1
    turn(1)
    expect(calls).toEqual([3])
    waiting = 0
    turn(1)
    expect(calls).toEqual([3])
  })

  test('leaves also where those it waited with have gone', () => {
    turn(3)
    waiting = 1
    turn(0)
    expect(calls).toEqual([1])
  })

  test('of who comes later is another', () => {
    turn(1)
    waiting = 0
    turn(1)
    expect(calls).toEqual([1, 1])
  })
})
