import { beforeEach, describe, expect, test } from 'vitest'
import { createLog } from '../../src/observe/log.js'
import { RefusalLog, type RefusedUpgrade } from '../../src/observe/refusal-log.js'
import { ManualClock } from '../support/manual-clock.js'

let clock: ManualClock
let lines: Record<string, unknown>[]
let refusals: RefusalLog

beforeEach(() => {
  clock = new ManualClock()
  lines = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  refusals = new RefusalLog(createLog({ level: 'info', node: 'n', destination }), clock)
})

function refuse(org: string, count = 1, code: RefusedUpgrade['code'] = 'ORG_CONNECTION_LIMIT_EXCEEDED') {
  for (let n = 0; n < count; n++) refusals.add({ code, org, requestId: `r${n}`, gateway: 'g', address: '192.0.2.1' })
}

const told = () => lines.map(({ org, code, count, requestId }) => [org, code, count ?? requestId])
const FULL = 'ORG_CONNECTION_LIMIT_EXCEEDED'

describe('refusals in the log', () => {
  test('S5: a storm of one org costs two lines in ten seconds, and the others are told as ever', () => {
    refuse('storm', 10_000)
    refuse('quiet')
    refuse('storm', 1, 'DRAINING')
    expect(told()).toEqual([
      ['storm', FULL, 'r0'],
      ['quiet', FULL, 'r0'],
      ['storm', 'DRAINING', 'r0'],
    ])
    expect(lines[0]).toMatchObject({ level: 'info', gateway: 'g', address: '192.0.2.1' })
    clock.advance(10_000)
    expect(told().slice(3)).toEqual([['storm', FULL, 9_999]])
  })

  test('while the storm lasts there is one line in ten seconds; after it nothing is left, and the next is told at once', () => {
    for (let second = 0; second < 30; second++) {
      refuse('storm', 100)
      clock.advance(1_000)
    }
    expect(told()).toEqual([['storm', FULL, 'r0'], ...[999, 1_000, 1_000].map((count) => ['storm', FULL, count])])
    clock.advance(10_000)
    expect(clock.pending).toBe(0)
    refuse('storm')
    expect(told().at(-1)).toEqual(['storm', FULL, 'r0'])
    refusals.stop()
  })

  test('made-up names do not grow it: beyond a thousand they are one number a code', () => {
    for (let org = 0; org < 5_000; org++) refuse(`org-${org}`, 2)
    refuse('late', 3, 'DRAINING')
    expect(lines).toHaveLength(1_000)
    clock.advance(10_000)
    expect(lines).toHaveLength(2_002)
    expect(told().slice(-2)).toEqual([
      [undefined, FULL, 8_000],
      [undefined, 'DRAINING', 3],
    ])
    clock.advance(10_000)
    expect(clock.pending).toBe(0)
  })

  test('stop tells the rest and leaves no timer', () => {
    refuse('storm', 3)
    refusals.stop()
    expect(told()).toEqual([
      ['storm', FULL, 'r0'],
      ['storm', FULL, 2],
    ])
    expect(clock.pending).toBe(0)
  })
})
