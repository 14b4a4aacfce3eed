import { beforeEach, expect, test } from 'vitest'
import { LapseWatch } from '../../src/node/lease/lapse-watch.js'
import { momentOf } from '../../src/node/lease/moment.js'
import { ManualClock } from '../support/manual-clock.js'

const AFTER_MS = 1_000

let clock: ManualClock
let lapses: number

beforeEach(() => {
  clock = new ManualClock()
  lapses = 0
})

const watchFor = (afterMs: number) => new LapseWatch(clock, afterMs, () => lapses++)

test('calls once, when the time has passed since the last moment it was told of', () => {
  const watch = watchFor(AFTER_MS)
  clock.advance(2 * AFTER_MS)
  watch.restart(momentOf(clock))
  clock.advance(AFTER_MS - 1)
  watch.restart(momentOf(clock))
  clock.advance(AFTER_MS - 1)
  expect(lapses).toBe(0)
  clock.advance(1)
  expect(lapses).toBe(1)
  clock.advance(5 * AFTER_MS)
  expect([lapses, clock.pending]).toEqual([1, 0])
})

test('calls at once where the moment is long past', () => {
  const long = momentOf(clock)
  clock.advance(AFTER_MS)
  watchFor(AFTER_MS).restart(long)
  expect(lapses).toBe(1)
})

test('S7: time of which only the wall clock knows has passed too', () => {
  const since = momentOf(clock)
  clock.setWall(clock.wallMs() + AFTER_MS)
  watchFor(AFTER_MS).restart(since)
  expect(lapses).toBe(1)
})

test('stopped, or without end, it never calls and keeps no timer', () => {
  const [stopped, endless] = [watchFor(AFTER_MS), watchFor(Number.POSITIVE_INFINITY)]
  stopped.restart(momentOf(clock))
  endless.restart(momentOf(clock))
  stopped.stop()
  expect(clock.pending).toBe(0)
  clock.advance(10 * AFTER_MS)
  expect(lapses).toBe(0)
})
