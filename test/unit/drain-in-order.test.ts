import { expect, test } from 'vitest'
import { drainInOrder } from '../../src/limiter/drain-in-order.js'
import { ManualClock } from '../support/manual-clock.js'

test('L4: a stop closes the sockets first, and what that took is taken off the time of the node', async () => {
  const clock = new ManualClock()
  const done: unknown[] = []
  const gates = {
    async closeAll(withinMs: number) {
      done.push(['closeAll', withinMs])
      clock.advance(3_000)
    },
  }
  const node = {
    quiet: () => void done.push('quiet'),
    drain: async ({ withinMs }: { withinMs: number }) => void done.push(['drain', withinMs]),
  }
  await drainInOrder(gates, node, 10_000, clock)
  await drainInOrder(gates, node, 2_000, clock)
  expect(done).toEqual([
    ...['quiet', ['closeAll', 8_000], ['drain', 6_000]],
    ...['quiet', ['closeAll', 1_600], ['drain', 0]],
  ])
})
