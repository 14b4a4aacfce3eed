import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { signalOf } from '../../src/core/ending.js'
import { Upgrade } from '../../src/gate/upgrade.js'

const upgrade = () =>
  new Upgrade({} as IncomingMessage, new PassThrough(), Buffer.alloc(0), { settled() {}, closed() {}, faulted() {} })

test('an upgrade that is refused aborts, as a signal does: once, and for who listens still', () => {
  const asked = upgrade()
  const [hears, heard, late] = [vi.fn(), vi.fn(), vi.fn()]
  asked.addEventListener('abort', hears)
  asked.addEventListener('abort', heard)
  asked.removeEventListener('abort', heard)
  expect(asked.aborted).toBe(false)
  asked.settle('refused')
  asked.settle('open')
  asked.addEventListener('abort', late)
  expect(asked.aborted).toBe(true)
  expect([hears, heard, late].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 0])
})

test('one that is open does not, however it ends', () => {
  const opened = upgrade()
  const hears = vi.fn()
  opened.addEventListener('abort', hears)
  opened.settle('open')
  opened.settle('refused')
  expect([opened.aborted, hears.mock.calls.length]).toEqual([false, 0])
})

test('whoever needs a whole signal has one', () => {
  const { signal } = new AbortController()
  expect(signalOf(signal)).toBe(signal)
  const pending = upgrade()
  const whole = signalOf(pending)
  expect(whole.aborted).toBe(false)
  pending.settle('refused')
  expect(whole.aborted).toBe(true)
  expect(signalOf(pending).aborted).toBe(true)
})
