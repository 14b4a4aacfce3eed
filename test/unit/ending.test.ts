import { getEventListeners } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { sleep, systemClock } from '../../src/core/clock.js'
import { eitherOf } from '../../src/core/ending.js'
import { Upgrade } from '../../src/gate/upgrade.js'
import { collectedHeapBytes } from '../support/collected-heap.js'

const upgrade = (waits = () => {}) =>
  new Upgrade({} as IncomingMessage, new PassThrough(), Buffer.alloc(0), {
    waits,
    decided() {},
    closed() {},
    faulted() {},
  })

test('an upgrade that is refused aborts, as a signal does: once, and for who listens still', () => {
  const asked = upgrade()
  const [hears, heard, late] = [vi.fn(), vi.fn(), vi.fn()]
  asked.addEventListener('abort', hears)
  asked.addEventListener('abort', heard)
  asked.removeEventListener('abort', heard)
  expect(asked.aborted).toBe(false)
  asked.decide('refused')
  asked.decide('open')
  asked.addEventListener('abort', late)
  expect(asked.aborted).toBe(true)
  expect([hears, heard, late].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 0])
})

test('one that waits tells its owner, unless it is decided', () => {
  const waits = vi.fn()
  const [pending, refused, opened] = [upgrade(waits), upgrade(waits), upgrade(waits)]
  refused.decide('refused')
  opened.decide('open')
  for (const asked of [pending, refused, opened]) asked.waits()
  expect(waits.mock.calls).toEqual([[pending]])
})

test('one that is open does not, however it ends', () => {
  const opened = upgrade()
  const hears = vi.fn()
  opened.addEventListener('abort', hears)
  opened.decide('open')
  opened.decide('refused')
  expect([opened.aborted, hears.mock.calls.length]).toEqual([false, 0])
})

test.each([
  ['one', 0],
  ['the other', 1],
])('either of two aborts with %s of them', (_, which) => {
  const both = [upgrade(), upgrade()] as const
  const either = eitherOf(...both)
  const [hears, heard] = [vi.fn(), vi.fn()]
  either.addEventListener('abort', hears)
  either.addEventListener('abort', heard)
  either.removeEventListener('abort', heard)
  expect(either.aborted).toBe(false)
  both[which]!.decide('refused')
  expect([either.aborted, hears.mock.calls.length, heard.mock.calls.length]).toEqual([true, 1, 0])
})

test('either of two leaves nothing in a signal that lives on', async () => {
  const forGood = new AbortController().signal
  const wait = async () => {
    const over = new AbortController()
    const waiting = sleep(systemClock, 60_000, eitherOf(over.signal, forGood))
    over.abort()
    await waiting
  }
  for (let n = 0; n < 1_000; n++) await wait()
  const before = collectedHeapBytes()
  for (let n = 0; n < 20_000; n++) await wait()
  expect(getEventListeners(forGood, 'abort')).toEqual([])
  expect(collectedHeapBytes() - before).toBeLessThan(1_000_000)
})
