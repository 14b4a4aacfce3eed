import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { leakGate } from '../support/leak-gate.js'
import { until } from '../support/until.js'

leakGate()

const PAST_MS = 50

/** Keeps this process from looking at its timers and sockets. */
function beBusy(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * PAST_MS)
}

/** A process that is busy past its deadline while the answer comes in; resolves to what it saw, in order. */
async function busyPast(deadline: (task: () => void) => void): Promise<string[]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepting = once(server, 'connection')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await accepting) as [Socket]
  onTestFinished(async () => {
    client.destroy()
    accepted.destroy()
    server.close()
    await once(server, 'close')
  })
  const seen: string[] = []
  client.on('data', () => seen.push('answer'))
  deadline(() => seen.push('deadline'))
  // Written to the kernel at once, and not read before this process looks at its sockets again.
  accepted.write('answer')
  beBusy()
  await until(() => seen.length === 2)
  return seen
}

describe('the clock of the system', () => {
  test('a deadline does not pass over an answer that came while the process was busy (R2)', async () => {
    expect(await busyPast((task) => systemClock.after(PAST_MS, task))).toEqual(['answer', 'deadline'])
  })

  test('control: a bare timer does', async () => {
    expect(await busyPast((task) => setTimeout(task, PAST_MS))).toEqual(['deadline', 'answer'])
  })

  test('what is cancelled does not run, also in the turn in which it was due', async () => {
    const ran: string[] = []
    const cancel = systemClock.after(PAST_MS, () => ran.push('cancelled'))
    setTimeout(cancel, PAST_MS)
    beBusy()
    systemClock.after(PAST_MS, () => ran.push('later'))
    await until(() => ran.includes('later'))
    expect(ran).toEqual(['later'])
  })

  test.each([
    ['longer than a timer of the runtime can', 2 ** 32],
    ['without end', Number.POSITIVE_INFINITY],
  ])('waits %s', async (_, delayMs) => {
    const ran: string[] = []
    onTestFinished(systemClock.after(delayMs, () => ran.push('long')))
    systemClock.after(PAST_MS, () => ran.push('short'))
    await until(() => ran.includes('short'))
    expect(ran).toEqual(['short'])
  })
})

describe('longer than a timer of the runtime can', () => {
  const TIMERS = ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] as const
  const LONG_MS = 2 ** 32

  beforeEach(() => void vi.useFakeTimers({ toFake: [...TIMERS] }))
  afterEach(() => void vi.useRealTimers())

  test('it waits for exactly as long', () => {
    let ran = 0
    systemClock.after(LONG_MS, () => ran++)
    vi.advanceTimersByTime(LONG_MS - 10)
    expect(ran).toBe(0)
    vi.advanceTimersByTime(20)
    expect(ran).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('it can be cancelled at any time', () => {
    let ran = 0
    const cancel = systemClock.after(LONG_MS, () => ran++)
    vi.advanceTimersByTime(LONG_MS - 10)
    cancel()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(LONG_MS)
    expect(ran).toBe(0)
  })
})
