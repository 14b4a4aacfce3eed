import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { leakGate } from '../support/leak-gate.js'

leakGate()

afterEach(() => {
  vi.useRealTimers()
})

/** As docs/library.md says under "Test your own program". */
test.each([
  [['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] as const],
  [['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] as const],
])(
  'the embedded store decides under fake timers, while time stands still and after it has moved: %o',
  async (toFake) => {
    const limiter = createLimiter({ limits: { org: 1 } })
    onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
    vi.useFakeTimers({ toFake: [...toFake] })
    const first = await limiter.admit({ org: 'acme' })
    expect(first).toMatchObject({ admitted: true })
    expect(await limiter.admit({ org: 'acme' })).toMatchObject({ code: 'ORG_CONNECTION_LIMIT_EXCEEDED' })
    await limiter.setLimit('acme', 2)
    for (const move of [() => vi.advanceTimersByTime(90_000), () => vi.setSystemTime(new Date('2040-01-01'))]) {
      move()
      const second = await limiter.admit({ org: 'acme' })
      expect(second).toMatchObject({ admitted: true, currentCount: 2 })
      if (second.admitted) second.release()
    }
    if (first.admitted) first.release()
    vi.useRealTimers()
    await limiter.drain({ withinMs: 1_000 })
    expect(limiter.connections).toBe(0)
  },
)
