import { beforeEach, describe, expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { createLog } from '../../src/observe/log.js'
import { logEvents } from '../../src/observe/log-events.js'
import { ManualClock } from '../support/manual-clock.js'

let clock: ManualClock
let lines: Record<string, unknown>[]
let events: EventBus

beforeEach(() => {
  clock = new ManualClock()
  lines = []
  events = new EventBus()
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  logEvents({ on: events.on.bind(events) }, createLog({ level: 'info', node: 'n', destination }), clock)
})

const left = (...causes: string[]) => causes.forEach((cause) => void events.emit('store.left', { cause }))
const causes = () => lines.map(({ level, cause }) => [level, cause])

describe('a store that is away', () => {
  test('each cause is told once: the second says why the first does not pass', () => {
    left('the connection closed', 'WRONGPASS', 'WRONGPASS', 'the connection closed', 'WRONGPASS')
    expect(causes()).toEqual([
      ['warn', 'the connection closed'],
      ['warn', 'WRONGPASS'],
    ])
    events.emit('store.joined', { generation: 7 })
    left('WRONGPASS')
    expect(causes().slice(2)).toEqual([
      ['info', undefined],
      ['warn', 'WRONGPASS'],
    ])
  })

  test('what becomes of connections meanwhile is not told as if there were one policy', () => {
    left('the connection closed')
    expect(lines[0]!.msg).toBe(
      'the store cannot be used for now: HEADCOUNT_ON_STORE_DOWN says who is let in meanwhile, HEADCOUNT_ON_LEASE_LOST who stays',
    )
  })

  test('a lease that is lost while Redis answers and no node dies, as in a failover, is not told as anything else', () => {
    left('lost')
    events.emit('store.joined', { generation: 7 })
    events.emit('lease.swept', { lease: 7, connections: 3 })
    expect(lines.map(({ msg }) => msg).join()).not.toMatch(/connection|answer|node/)
  })

  test('causes that differ in a number are one, and of many only some are told', () => {
    left('no connection within 101 ms', 'no connection within 99 ms')
    expect(causes()).toHaveLength(1)
    left(...Array.from({ length: 100 }, (_, n) => 'x'.repeat(n + 1)))
    expect(causes()).toHaveLength(8)
  })

  test('a bucket of a Redis Cluster has causes of its own', () => {
    for (const bucket of [0, 1, 0]) events.emit('store.left', { bucket, cause: 'CLUSTERDOWN' })
    expect(lines.map(({ bucket }) => bucket)).toEqual([0, 1])
  })
})

describe('a store that refuses', () => {
  const refuse = (times: number, reason: 'memory' | 'broken' = 'memory') => {
    for (let n = 0; n < times; n++) events.emit('store.refused', { org: 'acme', reason })
  }

  test('is told of at once, and then once a minute with how many it has refused', () => {
    refuse(1_000)
    refuse(2, 'broken')
    expect(lines).toMatchObject([
      { level: 'error', reason: 'memory', org: 'acme', count: 1, msg: expect.stringContaining('maxmemory') },
      { level: 'error', reason: 'broken', org: 'acme', count: 1 },
    ])
    clock.advance(59_999)
    refuse(1)
    expect(lines).toHaveLength(2)
    clock.advance(1)
    refuse(1)
    expect(lines[2]).toMatchObject({ reason: 'memory', count: 1_001 })
  })
})
