import { describe, expect, test, vi } from 'vitest'
import { sleep } from '../../src/core/clock.js'
import { closeCodeOf, type RefusalCode, refusals } from '../../src/core/closures.js'
import { EventBus } from '../../src/core/events.js'
import { checkReserve, type Reserve } from '../../src/core/reserve.js'
import { parseTiers, Tiers } from '../../src/core/tiers.js'
import { ManualClock } from '../support/manual-clock.js'
import { codeOf } from '../support/thrown.js'

describe('a refusal that is told inside a WebSocket', () => {
  test.each([
    ['ORG_CONNECTION_LIMIT_EXCEEDED', 4429],
    ['RECOVERING', 1013],
    ['DRAINING', 1012],
  ] as const)('%s is the close code %d', (code, close) => {
    expect(closeCodeOf(code)).toBe(close)
  })

  test('has a code by its status, and that of a violated policy where nobody expects it', () => {
    const byStatus: Record<number, number> = { 401: 4401, 403: 4403, 429: 4429, 503: 1013 }
    for (const code of Object.keys(refusals) as RefusalCode[]) {
      if (code !== 'DRAINING') expect(closeCodeOf(code)).toBe(byStatus[refusals[code].status] ?? 1008)
    }
  })
})

describe('events', () => {
  test('reach all who listen, although one of them throws, which is told', () => {
    const [uncaught, heard] = [[] as unknown[], [] as string[]]
    const events = new EventBus((error) => uncaught.push(error))
    const broken = new Error('broken')
    events.on('node.started', () => {
      throw broken
    })
    const leave = events.on('node.started', () => heard.push('first'))
    events.on('node.started', () => heard.push('second'))
    events.emit('node.started', {})
    leave()
    events.emit('node.started', {})
    expect([heard, uncaught]).toEqual([
      ['first', 'second', 'second'],
      [broken, broken],
    ])
  })

  test('a listener that throws is written to the console where nobody says otherwise', () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => {})
    try {
      const events = new EventBus()
      events.on('node.started', () => {
        throw new Error('broken')
      })
      events.emit('node.started', {})
      expect(written).toHaveBeenCalledOnce()
    } finally {
      written.mockRestore()
    }
  })
})

describe('a pause', () => {
  test('ends when its time has passed or its signal aborts, and leaves neither a timer nor a listener', async () => {
    const [clock, ending] = [new ManualClock(), new AbortController()]
    const added = vi.spyOn(ending.signal, 'addEventListener')
    const removed = vi.spyOn(ending.signal, 'removeEventListener')
    const first = sleep(clock, 10, ending.signal)
    clock.advance(10)
    await first
    expect([added.mock.calls.length, removed.mock.calls.length, clock.pending]).toEqual([1, 1, 0])
    const second = sleep(clock, 10, ending.signal)
    ending.abort()
    await second
    await sleep(clock, 10, ending.signal)
    expect(clock.pending).toBe(0)
  })
})

describe('what is reserved', () => {
  test.each([{ slots: 0 }, { slots: Number.MAX_SAFE_INTEGER }, { percent: 0 }, { percent: 100 }])(
    '%j can be',
    (reserve) => {
      expect(codeOf(() => checkReserve(reserve))).toBeUndefined()
    },
  )

  test.each([{ slots: 2 ** 53 }, { percent: 1.5 }, { percent: -1 }, { slots: 1, percent: 101 }])(
    '%j cannot',
    (reserve) => {
      expect(codeOf(() => checkReserve(reserve as Reserve))).toBe('INVALID_SETTINGS')
    },
  )

  test.each([
    [{}, '{ }'],
    [{ slots: 2n }, '{ slots: 2n }'],
    [{ slots: '2', percent: { of: 20 } }, `{ slots: "2", percent: an object }`],
  ])('and what is none is shown as far as it can be: %o', (reserve, shown) => {
    expect(() => checkReserve(reserve as never)).toThrow(`to 100 }, not ${shown}`)
  })
})

describe('tiers', () => {
  const table = (size: number) => Object.fromEntries(Array.from({ length: size }, (_, i) => [`t${i}`, i]))

  test('are one to a hundred', () => {
    for (const size of [1, 100]) expect(new Tiers(table(size)).names).toHaveLength(size)
    for (const size of [0, 101]) expect(codeOf(() => new Tiers(table(size)))).toBe('INVALID_TIERS')
    const said = Object.entries(table(100)).map(([name, limit]) => `${name}=${limit}`)
    expect(parseTiers(said.join(','))?.names).toHaveLength(100)
  })

  test('of those with the lowest limit the first is the lowest', () => {
    expect(new Tiers({ high: 5, one: 3, other: 3 }).lowest).toBe('one')
  })
})
